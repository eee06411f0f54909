import http2 from "node:http2";
import type { Duplex } from "node:stream";
import type { Message } from "../buildkit/protobuf.ts";
import { CODE, decodeMessage, GrpcError } from "./status.ts";
import { closeWithPeer, readMessages, writeMessage } from "./stream.ts";

/** Much is in flight on a fast connection; HTTP/2's 64 KB would make every file wait. */
const WINDOW = 1 << 20;

export interface CallOptions {
  metadata?: Readonly<Record<string, string | readonly string[]>>;
  signal?: AbortSignal | undefined;
}

/** One call with streams both ways. */
export interface ClientCall {
  /** @throws GrpcError with the call's status when it is not OK. */
  messages(): AsyncGenerator<Uint8Array, void, undefined>;
  write(message: Uint8Array): Promise<void>;
  /** No more messages from here. */
  end(): void;
  cancel(): void;
}

/** gRPC over HTTP/2 on a connection that exists already; this side is the client. */
export class GrpcClient implements Disposable {
  readonly #session: http2.ClientHttp2Session;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;

  constructor(socket: Duplex) {
    this.#session = http2.connect("http://localhost", {
      createConnection: () => socket,
      settings: { initialWindowSize: WINDOW, enablePush: false },
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#session.on("error", () => {});
    this.#session.once("close", resolve);
    socket.once("close", resolve);
    closeWithPeer(socket);
  }

  get alive(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** @throws GrpcError, or the signal's reason. */
  async unary<A extends object, B extends object>(
    path: string,
    request: Message<A>,
    value: Partial<A>,
    answer: Message<B>,
    options: CallOptions = {},
  ): Promise<B> {
    const call = this.stream(path, options);
    let result: B | undefined;
    // A refusal may come before the request is out; the status says why.
    await call.write(request.encode(value)).catch(() => {});
    call.end();
    for await (const message of call.messages()) result ??= answer.decode(message);
    if (result === undefined) throw new GrpcError(CODE.INTERNAL, "the call ended without an answer");
    return result;
  }

  stream(path: string, options: CallOptions = {}): ClientCall {
    const { signal } = options;
    signal?.throwIfAborted();
    if (!this.alive) throw new GrpcError(CODE.UNAVAILABLE, "the client's session is gone");
    const headers: Record<string, string | string[]> = {
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    };
    for (const [name, value] of Object.entries(options.metadata ?? {})) {
      headers[name] = typeof value === "string" ? value : [...value];
    }
    const stream = this.#session.request(headers);
    const status = statusOf(stream);
    const abort = () => stream.close(http2.constants.NGHTTP2_CANCEL);
    signal?.addEventListener("abort", abort, { once: true });
    stream.once("close", () => signal?.removeEventListener("abort", abort));
    return {
      async *messages() {
        try {
          yield* readMessages(stream);
        } catch (error) {
          signal?.throwIfAborted();
          // A broken stream is explained by its status, when there is one.
          throw (await status) ?? error;
        }
        signal?.throwIfAborted();
        const error = await status;
        if (error !== undefined) throw error;
      },
      write: (message) => writeMessage(stream, message),
      end: () => void stream.end(),
      cancel: abort,
    };
  }

  [Symbol.dispose](): void {
    if (!this.#session.destroyed) this.#session.destroy();
  }
}

/** Undefined for OK. In trailers, or in the headers of an answer that has nothing else. */
function statusOf(stream: http2.ClientHttp2Stream): Promise<GrpcError | undefined> {
  const { promise, resolve } = Promise.withResolvers<GrpcError | undefined>();
  const read = (headers: Record<string, unknown>) => {
    const status = headers["grpc-status"];
    if (status === undefined) return;
    const code = Number(status);
    if (code === CODE.OK) return resolve(undefined);
    const message = decodeMessage(String(headers["grpc-message"] ?? ""));
    const details = headers["grpc-status-details-bin"];
    resolve(
      new GrpcError(code, message, typeof details === "string" ? Buffer.from(details, "base64") : undefined),
    );
  };
  stream.on("response", read);
  stream.on("trailers", read);
  stream.on("error", (error) => resolve(new GrpcError(CODE.UNAVAILABLE, error.message)));
  stream.on("close", () => resolve(new GrpcError(CODE.UNAVAILABLE, "error reading from server: EOF")));
  return promise;
}
