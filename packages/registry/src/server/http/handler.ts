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
  /** Answers paths outside of the API (the token endpoint); undefined when it is none of them. */
  other(request: Request, path: string): Promise<Response> | undefined;
}

interface Server {
  requestIP(request: Request): { address: string } | null;
  timeout(request: Request, seconds: number): void;
}

/** Seconds that ending an upload may take without a byte on the wire: hashing it again, copying it inside a bucket. */
const FINISH_SECONDS = 3600;

const API_VERSION = "Docker-Distribution-Api-Version";

/** The whole way of one request: limits, route, rights, handler, errors, log, metrics. Never throws. */
export function requestHandler(parts: HandlerParts): (request: Request, server: Server) => Promise<Response> {
  const { accessLog, metrics, rate } = parts;
  return async (request, server) => {
    const started = performance.now();
    const { path, query, raw } = splitUrl(request.url);
    let kind = "other";
    let user = "";
    metrics.inFlight++;
    const needsAddress = accessLog.format !== "none" || rate.rate !== undefined;
    const remote = needsAddress ? (server.requestIP(request)?.address ?? "-") : "-";
    let response: Response;
    try {
      if (path === "/healthz") response = await health(parts.options());
      else {
        rate.take(remote);
        const route = parseRoute(path);
        if (route === undefined) {
          response = (await parts.other(request, path)) ?? unknownPath(path);
        } else {
          kind = route.kind;
          if (kind === "upload" && request.method === "PUT") server.timeout(request, FINISH_SECONDS);
          response = await dispatch(parts.options(), request, route, query, (name) => {
            user = name;
          });
        }
      }
    } catch (error) {
      response = failure(error, request);
    }
    if (path.startsWith("/v2")) response.headers.set(API_VERSION, "registry/2.0");
    const location = response.headers.get("location");
    if (location?.startsWith("/") && parts.host() !== "")
      response.headers.set("Location", parts.host() + location);
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

async function health({ context }: DispatchOptions): Promise<Response> {
  try {
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
