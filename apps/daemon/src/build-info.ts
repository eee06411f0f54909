/** Stamped in by tools/build.ts; plain words when the sources are run. */
export const VERSION = process.env.BERTH_VERSION ?? "0.0.0-dev";
export const COMMIT = process.env.BERTH_COMMIT ?? "unknown";
export const BUILD_TIME = process.env.BERTH_BUILD_TIME ?? "";
