export * from "./content.ts";
export * from "./file-content.ts";
