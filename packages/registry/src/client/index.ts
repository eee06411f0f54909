export * from "./client.ts";
export { ConnectionError, RegistryError } from "./errors.ts";
export { createRegistryClient } from "./registry-client.ts";
