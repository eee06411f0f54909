import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { API_VERSION } from "@berth/api";
import { invalidParameter, log, messageOf, unavailable } from "@berth/base";
import { absentRoutes, checkpointRoutes } from "./absent/routes.ts";
import type { Backends } from "./backend.ts";
import { buildRoutes } from "./build/routes.ts";
import { containerRoutes } from "./container/routes.ts";
import { execRoutes } from "./exec/routes.ts";
import type { RequestHandler } from "./gate.ts";
import { hasBody } from "./http/body.ts";
import { errorAnswer } from "./http/errors.ts";
import { Exchange } from "./http/exchange.ts";
import { parseTarget } from "./http/path.ts";
import { Router } from "./http/router.ts";
import { NEWEST, splitVersion, type VersionedPath } from "./http/version.ts";
import { imageRoutes } from "./image/routes.ts";
import { networkRoutes } from "./network/routes.ts";
import { registryRoutes } from "./registry/routes.ts";
import { systemRoutes } from "./system/routes.ts";
import { volumeRoutes } from "./volume/routes.ts";

/** A body that nobody read is drained up to here, so that the client gets to read the answer; beyond, it is cut. */
const DRAIN_LIMIT = 1 << 20;

export interface ApiOptions {
  /** The engine's own version, for the `Server` header. */
  engineVersion: string;
  /** Fires when the daemon stops: every request is cancelled. */
  shutdown: AbortSignal;
}

/** The Engine API over HTTP: finds the route of a request and runs it. Independent of how connections come in. */
export class Api implements RequestHandler {
  readonly #router: Router;
  readonly #options: ApiOptions;
  #draining = false;

  constructor(backends: Backends, options: ApiOptions) {
    this.#options = options;
    this.#router = new Router([
      ...systemRoutes(backends.system, backends.builds),
      ...checkpointRoutes(),
      ...containerRoutes(backends.containers),
      ...execRoutes(backends.execs),
      // Before the images: their names may hold slashes.
      ...registryRoutes(backends.registry),
      ...imageRoutes(backends.images),
      ...networkRoutes(backends.networks),
      ...volumeRoutes(backends.volumes),
      ...absentRoutes(),
      ...(backends.builds === undefined ? [] : buildRoutes(backends.builds)),
    ]);
  }

  /** From now on requests are refused; those that run go on. */
  drain(): void {
    this.#draining = true;
  }

  /** Never rejects. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    upgrade?: { socket: Socket; head: Buffer },
  ): Promise<void> {
    // An answer that breaks off because the client left is no error of ours; "close" frees what the request held.
    response.on("error", () => {});
    this.#setCommonHeaders(response);
    const target = parseTarget(request.url ?? "/");
    const base = { request, response, parameters: {}, query: "", upgrade, shutdown: this.#options.shutdown };
    let exchange = new Exchange({ ...base, version: NEWEST });
    try {
      if (this.#draining) throw unavailable("the daemon is shutting down");
      if (target === undefined) throw invalidParameter("invalid URL path");
      if (request.method === "OPTIONS") return exchange.empty(200);
      if (target.redirect !== undefined) return exchange.empty(301, { Location: target.redirect });
      const versioned: VersionedPath = splitVersion(target.path);
      const match = this.#router.find(request.method ?? "GET", versioned.path);
      if (match === undefined) return notFoundAnswer(exchange);
      const { parameters } = match;
      exchange = new Exchange({ ...base, version: versioned.version, parameters, query: target.query });
      await match.handler(exchange);
    } catch (error) {
      this.#fail(exchange, error);
    } finally {
      if (!exchange.hijacked && hasBody(request) && !request.complete) drain(request);
    }
  }

  #setCommonHeaders(response: ServerResponse): void {
    response.setHeader("Api-Version", API_VERSION);
    response.setHeader("Docker-Experimental", "false");
    response.setHeader("Ostype", "linux");
    response.setHeader("Server", `Berth/${this.#options.engineVersion} (linux)`);
  }

  #fail(exchange: Exchange, error: unknown): void {
    const { request, response } = exchange;
    const { status } = errorAnswer(error);
    const fields = { error: messageOf(error), status };
    const message = `Handler for ${request.method} ${(request.url ?? "").split("?")[0]} returned error`;
    if (status === 500) log.error(message, fields);
    else log.debug(message, fields);
    if (exchange.hijacked || response.headersSent || response.destroyed) response.destroy();
    else exchange.fail(error);
  }
}

function notFoundAnswer(exchange: Exchange): void {
  if (exchange.request.method === "HEAD") exchange.empty(404, { "Content-Type": "application/json" });
  else exchange.json({ message: "page not found" }, 404);
}

/** Throws away the rest of a request's body. */
function drain(request: IncomingMessage): void {
  let size = 0;
  request.on("error", () => {});
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > DRAIN_LIMIT) request.destroy();
  });
  request.resume();
}
