/** What the daemon uses of registries: the client. The server is `@berth/registry/server`. */
export * from "./client/index.ts";
