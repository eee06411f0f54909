export * from "./images.ts";
export * from "./store.ts";
