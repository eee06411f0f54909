export * from "./client.ts";
export { type DownloadOptions, download } from "./download/download.ts";
export { Slots } from "./download/slots.ts";
export { ConnectionError, RegistryError } from "./errors.ts";
export { connectionWords } from "./http/connection-error.ts";
export { createRegistryClient } from "./registry-client.ts";
