export * from "./lock.ts";
export * from "./state.ts";
