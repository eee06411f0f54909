export { buildSpec } from "./build.ts";
export { capabilitySets, DEFAULT_CAPABILITIES } from "./capabilities.ts";
export type { Device, DeviceRule } from "./devices.ts";
export { readSpecHost } from "./host.ts";
export type { SpecHost, SpecInput, SpecMount } from "./input.ts";
export { ociJson } from "./json.ts";
export { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from "./paths.ts";
export { parseSecurityOptions, type SecurityOptions } from "./security-options.ts";
export { type ResolvedUser, resolveUser } from "./user.ts";
