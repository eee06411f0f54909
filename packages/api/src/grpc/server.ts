import http2 from "node:http2";
import type { Duplex } from "node:stream";
import type { Message } from "../buildkit/protobuf.ts";
import { CODE, encodeMessage, GrpcError } from "./status.ts";
import { closeWithPeer, type Metadata, metadataOf, readMessages, writeMessage } from "./stream.ts";

const WINDOW = 1 << 20;
const STREAM_LIMIT = 1000;

/** A call as the one who answers it sees it. */
export interface ServerCall {
  readonly metadata: Metadata;
  readonly signal: AbortSignal;
  messages(): AsyncGenerator<Uint8Array, void, undefined>;
  write(message: Uint8Array): Promise<void>;
}

/** Resolving ends the call with OK; throwing, with the error's status. */
export type CallHandler = (call: ServerCall) => Promise<void>;

/** By path: `/package.Service/Method`. */
export type Services = Readonly<Record<string, CallHandler>>;

/** A handler of a call with one message each way. */
export function unary<A extends object, B extends object>(
  request: Message<A>,
  answer: Message<B>,
  handle: (value: A, call: ServerCall) => Promise<Partial<B>> | Partial<B>,
): CallHandler {
  return async (call) => {
    let value: A | undefined;
    for await (const message of call.messages()) value ??= request.decode(message);
    if (value === undefined) throw new GrpcError(CODE.INVALID_ARGUMENT, "the request has no message");
    await call.write(answer.encode(await handle(value, call)));
  };
}

/** Serves gRPC over HTTP/2 on a connection that exists already. `statusOf`: errors that are no GrpcError. */
export function serveGrpc(
  socket: Duplex,
  services: Services,
  statusOf: (error: unknown) => GrpcError = (error) =>
    new GrpcError(CODE.UNKNOWN, error instanceof Error ? error.message : String(error)),
): { closed: Promise<void>; close(): void } {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const server = http2.createServer({
    settings: { initialWindowSize: WINDOW, maxConcurrentStreams: STREAM_LIMIT },
  });
  const onError = () => {};
  server.on("error", onError);
  server.on("sessionError", onError);
  server.on("session", (session) => {
    session.on("error", onError);
    session.once("close", resolve);
  });
  server.on("stream", (stream, headers, _flags, raw: unknown) => {
    stream.on("error", onError);
    void answerCall(
      stream as http2.ServerHttp2Stream,
      String(headers[":path"]),
      raw as string[],
      services,
      statusOf,
    );
  });
  socket.on("error", onError);
  socket.once("close", resolve);
  closeWithPeer(socket);
  server.emit("connection", socket);
  return { closed, close: () => void socket.destroy() };
}

async function answerCall(
  stream: http2.ServerHttp2Stream,
  path: string,
  raw: readonly string[],
  services: Services,
  statusOf: (error: unknown) => GrpcError,
): Promise<void> {
  const controller = new AbortController();
  stream.once("close", () => controller.abort(new GrpcError(CODE.CANCELLED, "context canceled")));
  let trailers: Record<string, string> = { "grpc-status": "0" };
  stream.on("wantTrailers", () => {
    if (!stream.destroyed) stream.sendTrailers(trailers);
  });
  try {
    const handler = Object.hasOwn(services, path) ? services[path] : undefined;
    if (handler === undefined) throw new GrpcError(CODE.UNIMPLEMENTED, unknownMethod(path));
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    await handler({
      metadata: metadataOf(raw),
      signal: controller.signal,
      messages: () => readMessages(stream, { survives: true }),
      write: (message) => writeMessage(stream, message),
    });
  } catch (error) {
    const { code, message, details } = error instanceof GrpcError ? error : statusOf(error);
    trailers = {
      "grpc-status": String(code),
      "grpc-message": encodeMessage(message),
      ...(details !== undefined && { "grpc-status-details-bin": Buffer.from(details).toString("base64") }),
    };
    if (!stream.headersSent && !stream.destroyed) {
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", ...trailers },
        { endStream: true },
      );
      stream.resume();
      return;
    }
  }
  if (stream.destroyed) return;
  stream.end();
  // What the other side still sends is of no interest; unread, it would keep the stream open.
  stream.resume();
}

function unknownMethod(path: string): string {
  const [, service = "", method = ""] = path.split("/");
  return `unknown service or method ${method} for service ${service}`;
}
