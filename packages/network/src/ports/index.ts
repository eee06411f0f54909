export * from "./proxy.ts";
