import type { Builder } from "@berth/api/build";

/** What the build router needs. */
export type BuildBackend = Builder;
