import { ApiError, ProtocolError } from "./errors.ts";
import { bodyReader } from "./http/body.ts";
import { exchange, type RequestBody } from "./http/exchange.ts";
import { Hijacked } from "./http/hijacked.ts";
import { ConnectionPool } from "./http/pool.ts";
import { Response } from "./http/response.ts";
import { type Address, parseHost } from "./transport/address.ts";
import type { Connection, Dial } from "./transport/connection.ts";
import { dialer } from "./transport/dial.ts";
import type { TlsOptions } from "./transport/socket-target.ts";
import { CLIENT_API_VERSION, negotiate } from "./version.ts";

export interface ClientOptions {
  /** `unix:///run/berth/berth.sock`, `tcp://host:port`, `ssh://user@host`. */
  host: string;
  tls?: TlsOptions;
  /** Sent with every request. */
  headers?: Readonly<Record<string, string>>;
  userAgent?: string;
  /** Speak exactly this version (DOCKER_API_VERSION); otherwise the newest that both sides know. */
  apiVersion?: string;
  /** How to reach the daemon, instead of `host`'s transport. */
  dial?: Dial;
  /** Told about every answer. */
  trace?: (exchange: { method: string; target: string; status: number; milliseconds: number }) => void;
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface ApiRequest {
  method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Below the version prefix: `/containers/json`. Names in it are already escaped (`escapeName`). */
  path: string;
  query?: Query | ((version: string) => Query);
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a function is called with the API version spoken. */
  json?: unknown;
  /** Sent as it is. */
  body?: RequestBody;
  signal?: AbortSignal | undefined;
  /** Without `/v1.x`: works before anything was negotiated. */
  unversioned?: boolean;
}

/**
 * A daemon, seen through its Engine API. Requests reuse connections.
 *
 * Versions: instead of asking first (Docker's client sends a ping before anything else), the newest version is assumed
 * and a daemon that refuses it tells its own, so that an up-to-date daemon costs no extra round trip. Requests whose body
 * can only be sent once ask first.
 */
export class Client {
  readonly host: string;
  readonly address: Address;
  readonly #pool: ConnectionPool;
  readonly #dial: Dial;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fixedVersion: string | undefined;
  readonly #trace: ClientOptions["trace"];
  #negotiated: string | undefined;

  /** @throws invalid-parameter when `host` cannot be parsed. Nothing is connected yet. */
  constructor(options: ClientOptions) {
    this.host = options.host;
    this.address = parseHost(options.host);
    this.#dial = options.dial ?? dialer(this.address, options.tls, options.host);
    this.#pool = new ConnectionPool(this.#dial);
    this.#headers = {
      ...options.headers,
      Host: this.address.kind === "tcp" ? hostHeader(this.address) : "api.moby.localhost",
      "User-Agent": options.userAgent ?? "berth-client",
    };
    this.#trace = options.trace;
    this.#fixedVersion = options.apiVersion?.replace(/^v/, "");
  }

  /** The version spoken: settled, or assumed as long as nothing was asked. */
  get apiVersion(): string {
    return this.#fixedVersion ?? this.#negotiated ?? CLIENT_API_VERSION;
  }

  /** Settles the version with a ping, if it is not yet. */
  async negotiateVersion(signal?: AbortSignal): Promise<string> {
    if (this.#fixedVersion === undefined && this.#negotiated === undefined) await this.ping(signal);
    return this.apiVersion;
  }

  /** HEAD /_ping. @returns the answer's headers, which tell version, system and builder. */
  async ping(signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
    let response = await this.#send({ method: "HEAD", path: "/_ping", unversioned: true, signal });
    if (response.status === 405 || response.status === 404) {
      response = await this.#send({ method: "GET", path: "/_ping", unversioned: true, signal });
      await response.bytes(1 << 16);
    }
    this.#negotiated = negotiate(response.headers.get("api-version"));
    return response.headers;
  }

  /** @throws ApiError for statuses from 400 on, ConnectError, ProtocolError, or the signal's reason. */
  async request(request: ApiRequest): Promise<Response> {
    if (request.body !== undefined && !(request.body instanceof Uint8Array)) {
      await this.negotiateVersion(request.signal);
    }
    const spoken = this.apiVersion;
    let response = await this.#send(request);
    if (response.status < 400) return response;
    let error = await apiError(response);
    if (this.#learnVersion(request, spoken, response, error)) {
      response = await this.#send(request);
      if (response.status < 400) return response;
      error = await apiError(response);
    }
    throw error;
  }

  async json<T>(request: ApiRequest): Promise<T> {
    return (await this.request(request)).json<T>();
  }

  /** For answers without content. */
  async done(request: ApiRequest): Promise<void> {
    await (await this.request(request)).bytes(1 << 20);
  }

  /** Sends a request that turns its connection into a stream. @throws as `request`. */
  async hijack(request: ApiRequest, protocol = "tcp"): Promise<Hijacked> {
    // Daemons before API 1.20 answer 200 to the same effect.
    return (await this.#upgrade(request, protocol, [101, 200])) as Hijacked;
  }

  /** Sends a request whose connection the daemon may turn into a stream, or give a plain answer. @throws as `request`. */
  offer(request: ApiRequest, protocol: string): Promise<Hijacked | Response> {
    return this.#upgrade(request, protocol, [101]);
  }

  /** @returns the stream when the answer's status is one of `taken`; another one below 400 is an answer with `offer` only. */
  async #upgrade(
    request: ApiRequest,
    protocol: string,
    taken: readonly number[],
  ): Promise<Hijacked | Response> {
    for (let attempt = 0; ; attempt++) {
      const { signal } = request;
      signal?.throwIfAborted();
      const connection = await this.#dial(signal);
      const spoken = this.apiVersion;
      const release = abortable(connection, signal);
      try {
        const upgrade = { ...request.headers, Connection: "Upgrade", Upgrade: protocol };
        const { head } = await this.#exchange(connection, { ...request, headers: upgrade });
        if (taken.includes(head.status)) {
          return new Hijacked(connection, head.headers, release);
        }
        const response = new Response(head, bodyReader(request.method, head, connection), () => {
          release();
          connection.destroy();
        });
        if (head.status < 400 && !taken.includes(200)) return response;
        const error = await apiError(response);
        if (attempt > 0 || !this.#learnVersion(request, spoken, response, error)) throw error;
        connection.destroy();
        release();
      } catch (error) {
        connection.destroy();
        release();
        throw signal?.aborted ? signal.reason : error;
      }
    }
  }

  /** A bare connection to the daemon, for `system dial-stdio`. */
  connect(signal?: AbortSignal): Promise<Connection> {
    return this.#dial(signal);
  }

  /** Drops idle connections. */
  close(): void {
    this.#pool.close();
  }

  async #send(request: ApiRequest): Promise<Response> {
    const { signal } = request;
    signal?.throwIfAborted();
    for (;;) {
      const { connection, used } = await this.#pool.take(signal);
      const release = abortable(connection, signal);
      try {
        const { head, sent } = await this.#exchange(connection, request);
        const body = bodyReader(request.method, head, connection);
        const closes =
          head.minorVersion === 0 || (head.headers.get("connection") ?? "").toLowerCase().includes("close");
        return new Response(head, body, (complete) => {
          release();
          if (complete && sent() && !closes) this.#pool.give(connection);
          else connection.destroy();
        });
      } catch (error) {
        connection.destroy();
        release();
        if (signal?.aborted) throw signal.reason;
        // The daemon closed an idle connection while the request was on its way: it was not read.
        if (used && error instanceof ProtocolError && error.message === "EOF" && isReplayable(request))
          continue;
        throw error;
      }
    }
  }

  async #exchange(connection: Connection, request: ApiRequest): ReturnType<typeof exchange> {
    const message = this.#message(request);
    if (this.#trace === undefined) return exchange(connection, message);
    const started = performance.now();
    const result = await exchange(connection, message);
    const { method, target } = message;
    this.#trace({ method, target, status: result.head.status, milliseconds: performance.now() - started });
    return result;
  }

  #message(request: ApiRequest) {
    const version = this.apiVersion;
    const base = this.address.kind === "tcp" ? this.address.basePath : "";
    const query = typeof request.query === "function" ? request.query(version) : request.query;
    const body =
      request.json === undefined
        ? request.body
        : new TextEncoder().encode(
            `${JSON.stringify(typeof request.json === "function" ? request.json(version) : request.json)}\n`,
          );
    return {
      method: request.method,
      target: `${base}${request.unversioned ? "" : `/v${version}`}${request.path}${queryString(query)}`,
      headers: {
        ...this.#headers,
        ...(request.json !== undefined && { "Content-Type": "application/json" }),
        ...request.headers,
      },
      ...(body !== undefined && { body }),
    };
  }

  /** After a refusal: whether it was the version's fault, so that the request shall be sent again with the daemon's. */
  #learnVersion(request: ApiRequest, spoken: string, response: Response, error: ApiError): boolean {
    if (this.#fixedVersion !== undefined || request.unversioned) return false;
    if (error.status !== 400 || !isReplayable(request)) return false;
    // A request that was sent beside this one may have learned it.
    if (this.#negotiated !== undefined) return this.#negotiated !== spoken;
    const told = /version \S+ is too new\. Maximum supported API version is (\d+\.\d+)/.exec(
      error.message,
    )?.[1];
    const server = told ?? response.headers.get("api-version");
    if (server === undefined || negotiate(server) === CLIENT_API_VERSION) return false;
    this.#negotiated = negotiate(server);
    return true;
  }
}

function isReplayable(request: ApiRequest): boolean {
  return request.body === undefined || request.body instanceof Uint8Array;
}

/** Breaks the connection when the signal fires. @returns what ends the watch. */
function abortable(connection: Connection, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return () => {};
  const abort = () => connection.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}

async function apiError(response: Response): Promise<ApiError> {
  const text = (await response.text().catch(() => "")).trim();
  let message: unknown;
  if (response.headers.get("content-type")?.startsWith("application/json")) {
    try {
      message = (JSON.parse(text) as { message?: unknown } | null)?.message;
    } catch {
      // The text itself is the message.
    }
  }
  if (typeof message === "string") return new ApiError(response.status, message.trim());
  if (text !== "") return new ApiError(response.status, text.slice(0, 4096));
  return new ApiError(
    response.status,
    `request returned ${response.reason || response.status} for API route`,
  );
}

/** A name, id or path as one segment of a request's path. */
export function escapeName(name: string): string {
  return encodeURIComponent(name).replaceAll("%3A", ":").replaceAll("%40", "@");
}

/** An image reference in a request's path: its slashes stay. */
export function escapeReference(reference: string): string {
  return reference.split("/").map(escapeName).join("/");
}

function queryString(query: Query | undefined): string {
  if (query === undefined) return "";
  let text = "";
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue;
    const values = Array.isArray(value) ? (value as readonly string[]) : [value];
    for (const each of values) {
      const shown = each === true ? "1" : each === false ? "0" : String(each);
      text += `${text === "" ? "?" : "&"}${encodeURIComponent(key)}=${encodeURIComponent(shown)}`;
    }
  }
  return text;
}

function hostHeader(address: { host: string; port: number }): string {
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}
