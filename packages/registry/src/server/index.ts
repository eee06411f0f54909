/** The registry server: its parts, which apps/registry puts together. */
export * from "./auth/access.ts";
export type { DispatchOptions } from "./http/dispatch.ts";
export { type Rate, RateLimiter } from "./http/rate-limit.ts";
export { AccessLog, type AccessLogFormat } from "./observe/access-log.ts";
export { Metrics } from "./observe/metrics.ts";
export { createContext, type Limits, type RepositoryContext } from "./repository/context.ts";
export * from "./server.ts";
export { clearTemporaryFiles, openDiskStore } from "./storage/disk/disk-store.ts";
export type { ObjectStore } from "./storage/object-store.ts";
