/** What a build is asked for and what it tells: the contract between builder, server, client and command line. */
export type * from "./builder.ts";
export type * from "./context-source.ts";
export type * from "./native.ts";
export type * from "./progress.ts";
export type * from "./streams.ts";
