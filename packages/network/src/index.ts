export { NetworkController } from "./controller/controller.ts";
export { defaultNetworkSettings, type NetworkSettings } from "./controller/settings.ts";
export { DnsServer, EMBEDDED_DNS_ADDRESS } from "./dns/index.ts";
export { type AddressPool, makePool, parseAddressPool } from "./ipam/defaults.ts";
export * from "./networks.ts";
export * from "./ports/index.ts";
export * from "./sandbox/index.ts";
export * from "./sandbox-plan.ts";
