import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Decoder } from "@berth/api";
import { cancelled, invalidParameter } from "@berth/base";
import { bodyStream, type JsonBodyOptions, readJson } from "./body.ts";
import { errorAnswer } from "./errors.ts";
import { type HijackedStream, plainHijack, upgradeHijack, webSocketHijack } from "./hijack.ts";
import { Query } from "./query.ts";
import { acceptKey, WebSocketStream } from "./websocket.ts";

/** One request and its answer. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Minor API version. */
  readonly version: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly #queryText: string;
  readonly #upgrade: { socket: Socket; head: Buffer } | undefined;
  readonly #shutdown: AbortSignal;
  #query: Query | undefined;
  #controller: AbortController | undefined;
  #hijacked = false;

  constructor(init: {
    request: IncomingMessage;
    response: ServerResponse;
    version: number;
    parameters: Readonly<Record<string, string>>;
    query: string;
    upgrade?: { socket: Socket; head: Buffer } | undefined;
    shutdown: AbortSignal;
  }) {
    this.request = init.request;
    this.response = init.response;
    this.version = init.version;
    this.parameters = init.parameters;
    this.#queryText = init.query;
    this.#upgrade = init.upgrade;
    this.#shutdown = init.shutdown;
  }

  get query(): Query {
    this.#query ??= new Query(this.#queryText);
    return this.#query;
  }

  /** A part of the path, `{name}` in the pattern. */
  parameter(name: string): string {
    return this.parameters[name] ?? "";
  }

  /** Fires when the client went away before the answer's end, or the daemon stops. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      const onShutdown = () => controller.abort(cancelled("the daemon is shutting down"));
      this.#shutdown.addEventListener("abort", onShutdown);
      const source = this.#upgrade?.socket ?? this.response;
      const onClose = () => {
        this.#shutdown.removeEventListener("abort", onShutdown);
        if (this.#upgrade !== undefined || !this.response.writableFinished) {
          controller.abort(cancelled("context canceled"));
        }
      };
      source.once("close", onClose);
      if (source.destroyed) onClose();
      if (this.#shutdown.aborted) onShutdown();
    }
    return this.#controller.signal;
  }

  /** @throws invalid-parameter, too-large. */
  readJson<T>(decoder: Decoder<T>, options?: JsonBodyOptions): Promise<T> {
    return readJson(this.request, decoder, options);
  }

  bodyStream(): ReadableStream<Uint8Array> {
    return bodyStream(this.request);
  }

  /** Answers with JSON and, as Go's encoder does, a newline. */
  json(value: unknown, status = 200): void {
    const body = Buffer.from(`${JSON.stringify(value)}\n`);
    this.response.writeHead(status, { "Content-Type": "application/json", "Content-Length": body.length });
    this.response.end(body);
  }

  text(text: string, headers: Record<string, string> = {}): void {
    const body = Buffer.from(text);
    this.response.writeHead(200, {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Length": body.length,
      ...headers,
    });
    if (this.request.method === "HEAD") this.response.end();
    else this.response.end(body);
  }

  /** An answer without body. */
  empty(status: number, headers: Record<string, string> = {}): void {
    const length = status === 204 || status === 304 ? {} : { "Content-Length": "0" };
    this.response.writeHead(status, { ...length, ...headers });
    this.response.end();
  }

  /** Docker's error answer. Below API 1.24 it is plain text. */
  fail(error: unknown): void {
    const { status, message } = errorAnswer(error);
    if (status === 304) {
      this.empty(304);
      return;
    }
    if (this.version < 24) {
      const body = Buffer.from(`${message}\n`);
      this.response.writeHead(status, {
        "Content-Type": "text/plain; charset=utf-8",
        "X-Content-Type-Options": "nosniff",
        "Content-Length": body.length,
      });
      this.response.end(this.request.method === "HEAD" ? undefined : body);
      return;
    }
    if (this.request.method === "HEAD") {
      this.response.writeHead(status, { "Content-Type": "application/json" });
      this.response.end();
      return;
    }
    this.json({ message }, status);
  }

  /** The client asked for an upgrade. */
  get upgrades(): boolean {
    return this.#upgrade !== undefined;
  }

  get hijacked(): boolean {
    return this.#hijacked;
  }

  /** Whether the client would have the connection taken for `protocol`. */
  upgradesTo(protocol: string): boolean {
    return this.upgrades && this.request.headers.upgrade?.toLowerCase() === protocol;
  }

  /**
   * Takes the connection for a raw stream: `101 UPGRADED` when the client asked for an upgrade, else `200 OK`.
   * The body must have been read.
   */
  hijack(contentType: string, protocol = "tcp", headers: Record<string, string> = {}): HijackedStream {
    this.#hijacked = true;
    return this.#upgrade === undefined
      ? plainHijack(this.request, this.response, contentType)
      : upgradeHijack(this.#upgrade.socket, this.#upgrade.head, contentType, protocol, headers);
  }

  /**
   * Takes the connection for another protocol (`h2c`): `101 Switching Protocols`, then all bytes are the caller's.
   * @throws invalid-parameter when the client did not ask for it.
   */
  takeConnection(protocol: string): Socket {
    if (this.#upgrade === undefined || !this.upgradesTo(protocol)) {
      throw invalidParameter("error: no upgrade");
    }
    this.#hijacked = true;
    const { socket, head } = this.#upgrade;
    socket.on("error", () => socket.destroy());
    socket.setTimeout?.(0);
    socket.setNoDelay?.(true);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
    if (head.length > 0) socket.unshift(head);
    return socket;
  }

  /** Takes the connection for a WebSocket. @throws invalid-parameter when the request is no handshake for one. */
  webSocket(): HijackedStream {
    const accept = acceptKey(this.request.headers);
    if (this.#upgrade === undefined) throw invalidParameter("error: no upgrade");
    this.#hijacked = true;
    return new WebSocketStream(webSocketHijack(this.#upgrade.socket, this.#upgrade.head, accept));
  }

  /** Answers an error in the stream's clothes, as attach does, and closes the connection. */
  hijackFailure(error: unknown, contentType: string): void {
    const { status, message } = errorAnswer(error);
    const body = Buffer.from(`${message}\r\n`);
    this.response.writeHead(status, {
      "Content-Type": contentType,
      "Content-Length": body.length,
      Connection: "close",
    });
    this.response.end(body);
  }
}
