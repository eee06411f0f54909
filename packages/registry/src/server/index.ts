/** The registry server: its parts, which apps/registry puts together. */
export * from "./auth/access.ts";
export { BasicAuthenticator } from "./auth/basic.ts";
export { BearerAuthenticator } from "./auth/bearer.ts";
export { Htpasswd } from "./auth/htpasswd.ts";
export { type Trust, trustFromJwks, trustFromPem } from "./auth/jwt.ts";
export { parseRights, type Rights, USERS_MAY_ALL } from "./auth/rights.ts";
export { loadSigningKey, type SigningKey, TOKEN_PATH, TokenEndpoint } from "./auth/token-endpoint.ts";
export { type Collected, type CollectOptions, collect } from "./collect/collect.ts";
export type { DispatchOptions } from "./http/dispatch.ts";
export { type Rate, RateLimiter } from "./http/rate-limit.ts";
export { AccessLog, type AccessLogFormat } from "./observe/access-log.ts";
export { Metrics } from "./observe/metrics.ts";
export { PullThrough } from "./proxy/pull-through.ts";
export { createContext, type Limits, type RepositoryContext } from "./repository/context.ts";
export * from "./server.ts";
export { clearTemporaryFiles, openDiskStore } from "./storage/disk/disk-store.ts";
export type { ObjectStore } from "./storage/object-store.ts";
export { openS3Store } from "./storage/s3/s3-store.ts";
