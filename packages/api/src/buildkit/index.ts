export * from "./common-messages.ts";
export * from "./content-messages.ts";
export * as control from "./control-messages.ts";
export * from "./fsutil.ts";
export * as gateway from "./gateway-messages.ts";
export { type Infer, Message } from "./protobuf.ts";
export * as session from "./session-messages.ts";
export { METHODS, SESSION_HEADERS } from "./session-messages.ts";
