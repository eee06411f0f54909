export { type CallOptions, type ClientCall, GrpcClient } from "./client.ts";
export { FrameParser, frame } from "./frames.ts";
export { type CallHandler, type ServerCall, type Services, serveGrpc, unary } from "./server.ts";
export { CODE, GrpcError } from "./status.ts";
export type { Metadata } from "./stream.ts";
