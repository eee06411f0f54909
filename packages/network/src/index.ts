export { DnsServer, EMBEDDED_DNS_ADDRESS } from "./dns/index.ts";
export * from "./networks.ts";
export * from "./ports/index.ts";
export * from "./sandbox/index.ts";
export * from "./sandbox-plan.ts";
