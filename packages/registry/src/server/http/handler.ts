import { log, messageOf } from "@berth/base";
import { errorResponse, RegistryError } from "../errors.ts";
import type { AccessLog } from "../observe/access-log.ts";
import type { Metrics } from "../observe/metrics.ts";
import { type DispatchOptions, dispatch } from "./dispatch.ts";
import { splitUrl } from "./exchange.ts";
import type { RateLimiter } from "./rate-limit.ts";
import { parseRoute } from "./route.ts";

export interface HandlerParts {
  /** Asked at each request: a reload changes them. */
  options(): DispatchOptions;
  accessLog: AccessLog;
  metrics: Metrics;
  rate: RateLimiter;
  /** URL in front of paths in `Location`; empty: the path alone. */
  host(): string;
  /** Whether the checks of the configuration succeed; otherwise everything is 503. */
  isWell(): boolean;
  /** Path in front of all paths; empty or without a slash at the end. */
  prefix(): string;
  /** Headers of every response. */
  headers(): readonly (readonly [name: string, values: readonly string[]])[];
  /** Answers paths outside of the API (the token endpoint); undefined when it is none of them. */
  other(request: Request, path: string): Promise<Response> | undefined;
}

interface Server {
  requestIP(request: Request): { address: string; port: number } | null;
  timeout(request: Request, seconds: number): void;
}

/** Seconds that ending an upload may take without a byte on the wire: hashing it again, copying it inside a bucket. */
const FINISH_SECONDS = 3600;

/** An IPv4 address as a socket of both families names it. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

const API_VERSION = "Docker-Distribution-Api-Version";

/** The whole way of one request: limits, route, rights, handler, errors, log, metrics. Never throws. */
export function requestHandler(parts: HandlerParts): (request: Request, server: Server) => Promise<Response> {
  const { accessLog, metrics, rate } = parts;
  return async (request, server) => {
    const started = performance.now();
    const { path: whole, query, raw } = splitUrl(request.url);
    const prefix = parts.prefix();
    const path = whole.startsWith(`${prefix}/`) ? whole.slice(prefix.length) : whole;
    const isOurs = prefix === "" || path !== whole;
    let kind = "other";
    let user = "";
    metrics.inFlight++;
    const needsAddress = accessLog.format !== "none" || rate.rate !== undefined;
    const remote = needsAddress ? (server.requestIP(request)?.address.replace(MAPPED, "") ?? "-") : "-";
    let response: Response;
    try {
      if (path === "/healthz") response = await health(parts.options(), parts.isWell());
      else {
        if (!parts.isWell())
          throw new RegistryError("UNAVAILABLE", { detail: "health check failed: please see /debug/health" });
        rate.take(remote);
        const route = isOurs ? parseRoute(path) : undefined;
        if (route === undefined) {
          response = (isOurs ? await parts.other(request, path) : undefined) ?? unknownPath(path);
        } else {
          kind = route.kind;
          if (kind === "upload" && request.method === "PUT") server.timeout(request, FINISH_SECONDS);
          response = await dispatch(
            parts.options(),
            request,
            route,
            query,
            (name) => {
              user = name;
            },
            () => addressOf(server, request),
          );
        }
      }
    } catch (error) {
      response = failure(error, request);
    }
    if (path.startsWith("/v2")) response.headers.set(API_VERSION, "registry/2.0");
    const location = response.headers.get("location");
    if (location?.startsWith("/")) response.headers.set("Location", parts.host() + prefix + location);
    const link = response.headers.get("link");
    if (link !== null && prefix !== "") response.headers.set("Link", link.replace("<", `<${prefix}`));
    for (const [name, values] of parts.headers()) {
      response.headers.delete(name);
      for (const value of values) response.headers.append(name, value);
    }
    metrics.inFlight--;
    const length = response.headers.get("content-length");
    const bytes =
      request.method === "HEAD" || response.status === 304 ? 0 : length === null ? undefined : Number(length);
    const milliseconds = performance.now() - started;
    metrics.request(request.method, kind, response.status, milliseconds / 1000, bytes ?? 0);
    if (accessLog.format !== "none")
      accessLog.add({
        remote,
        user,
        method: request.method,
        target: raw,
        status: response.status,
        bytes,
        milliseconds,
        referer: request.headers.get("referer") ?? "",
        agent: request.headers.get("user-agent") ?? "",
      });
    return response;
  };
}

function addressOf(server: Server, request: Request): string {
  const found = server.requestIP(request);
  if (found === null) return "";
  const address = found.address.replace(MAPPED, "");
  return address.includes(":") ? `[${address}]:${found.port}` : `${address}:${found.port}`;
}

async function health({ context }: DispatchOptions, isWell: boolean): Promise<Response> {
  try {
    if (!isWell) return new Response("unhealthy: see /debug/health\n", { status: 503 });
    await context.store.check();
    return new Response("ok\n");
  } catch (error) {
    return new Response(`storage: ${messageOf(error)}\n`, { status: 503 });
  }
}

function unknownPath(path: string): Response {
  // Docker's registry answers so at its root; health checks of users ask for it.
  return path === "/" ? new Response(null) : new Response("404 page not found\n", { status: 404 });
}

function failure(error: unknown, request: Request): Response {
  if (error instanceof RegistryError) return errorResponse(error);
  // The client went away: nobody reads this, the log shows the usual number for it.
  if (request.signal.aborted || (error as Error).name === "AbortError")
    return new Response(null, { status: 499 });
  log.error("request failed", { method: request.method, url: request.url, error: messageOf(error) });
  if ((error as { code?: string }).code === "ENOSPC")
    return errorResponse(
      new RegistryError("UNAVAILABLE", { status: 507, message: "no space left in the storage" }),
    );
  return errorResponse(new RegistryError("UNKNOWN"));
}
