export * from "./sandbox.ts";
export * from "./sysctl.ts";
