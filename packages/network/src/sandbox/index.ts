export * from "./sandbox.ts";
export * from "./sysctl.ts";
export * from "./warm-up.ts";
