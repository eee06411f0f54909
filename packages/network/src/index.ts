export * from "./networks.ts";
export * from "./sandbox-plan.ts";
