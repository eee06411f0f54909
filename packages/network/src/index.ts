export * from "./dns/index.ts";
export * from "./networks.ts";
export * from "./sandbox/index.ts";
export * from "./sandbox-plan.ts";
