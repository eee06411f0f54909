export * from "./graph/operation.ts";
