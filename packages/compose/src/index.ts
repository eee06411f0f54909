export { loadProject } from "./load/load.ts";
export type { LoadOptions } from "./load/options.ts";
export type * from "./model.ts";
