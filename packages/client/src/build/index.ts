export { BuildFailure, type BuildOptions, build } from "./build.ts";
export type { Receiver } from "./receive-files.ts";
export type { Offers, Secret } from "./session.ts";
