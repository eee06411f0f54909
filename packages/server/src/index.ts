export type * from "./backend.ts";
export type * from "./container/backend.ts";
export type * from "./exec/backend.ts";
export type * from "./image/backend.ts";
export type * from "./network/backend.ts";
export type * from "./streams.ts";
export type * from "./system/backend.ts";
export type * from "./volume/backend.ts";
