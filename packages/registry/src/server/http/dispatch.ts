import type { Access, Action, Authenticator } from "../auth/access.ts";
import { RegistryError } from "../errors.ts";
import type { EventSink } from "../observe/events.ts";
import type { PullThrough } from "../proxy/pull-through.ts";
import type { RepositoryContext } from "../repository/context.ts";
import { deleteBlobResponse, getBlob } from "./blob-handlers.ts";
import type { Exchange } from "./exchange.ts";
import { catalog, referrers, tags } from "./list-handlers.ts";
import { deleteManifestResponse, getManifest, putManifestResponse } from "./manifest-handlers.ts";
import type { Route } from "./route.ts";
import { deleteUpload, patchUpload, putUpload, startUpload, uploadStatus } from "./upload-handlers.ts";

export interface DispatchOptions {
  context: RepositoryContext;
  authenticator: Authenticator;
  proxy: PullThrough | undefined;
  readOnly: boolean;
  deleteEnabled: boolean;
  /** Repositories that one answer lists at most; asking for more is an error. */
  mostCatalog: number;
  /** Absent: nobody is told what happens. */
  events?: EventSink | undefined;
}

const METHODS: Record<Route["kind"], readonly string[]> = {
  base: ["GET", "HEAD"],
  catalog: ["GET"],
  tags: ["GET"],
  manifest: ["GET", "HEAD", "PUT", "DELETE"],
  blob: ["GET", "HEAD", "DELETE"],
  uploads: ["POST"],
  upload: ["GET", "HEAD", "PATCH", "PUT", "DELETE"],
  referrers: ["GET"],
};

/** What a method on a route does to the repository. */
function actionOf(route: Route, method: string): Action {
  if (route.kind === "uploads" || route.kind === "upload") return "push";
  if (method === "GET" || method === "HEAD") return "pull";
  return method === "DELETE" ? "delete" : "push";
}

function accessOf(route: Route, method: string): Access | undefined {
  if (route.kind === "base") return undefined;
  if (route.kind === "catalog") return { type: "registry", name: "catalog", action: "*" };
  return { type: "repository", name: route.name, action: actionOf(route, method) };
}

/** Authorizes a request and hands it to its handler. @returns the response and who asked. @throws RegistryError. */
export async function dispatch(
  options: DispatchOptions,
  request: Request,
  route: Route,
  query: URLSearchParams,
  tell: (user: string) => void,
  address: () => string,
): Promise<Response> {
  const { method } = request;
  // Browsers ask so, without credentials, whether they may ask.
  if (method === "OPTIONS") return new Response(null, { headers: { Allow: METHODS[route.kind].join(", ") } });
  if (!METHODS[route.kind].includes(method))
    throw new RegistryError("UNSUPPORTED", { headers: { Allow: METHODS[route.kind].join(", ") } });
  const access = accessOf(route, method);
  const pending = options.authenticator.authorize(request, access);
  const authorization = pending instanceof Promise ? await pending : pending;
  tell(authorization.principal.name);
  if (access !== undefined && access.action !== "pull" && access.action !== "*")
    refuseChanges(options, access.action);
  const exchange: Exchange = {
    request,
    query,
    principal: authorization.principal,
    may: (each) => authorization.allows(each),
    sees: (name) => authorization.sees(name),
    async happened(action, target) {
      const { events } = options;
      const found = events === undefined ? undefined : await target();
      if (found === undefined) return;
      const header = (name: string) => request.headers.get(name) ?? "";
      const asked = { address: address(), host: header("host"), method, agent: header("user-agent") };
      events!({ action, target: found, request: asked, user: authorization.principal.name });
    },
  };
  return await handle(options, exchange, route);
}

function refuseChanges({ readOnly, deleteEnabled, proxy }: DispatchOptions, action: Action): void {
  if (readOnly) throw new RegistryError("UNSUPPORTED", { message: "the registry is read-only" });
  if (proxy !== undefined)
    throw new RegistryError("UNSUPPORTED", { message: "a pull-through cache takes no changes" });
  if (action === "delete" && !deleteEnabled)
    throw new RegistryError("UNSUPPORTED", { message: "deleting is not enabled" });
}

function handle(options: DispatchOptions, exchange: Exchange, route: Route): Promise<Response> | Response {
  const { context, proxy } = options;
  const { method } = exchange.request;
  switch (route.kind) {
    case "base":
      return new Response(method === "HEAD" ? null : "{}", {
        headers: { "Content-Type": "application/json; charset=utf-8" },
      });
    case "catalog":
      return catalog(context, exchange, options.mostCatalog);
    case "tags":
      return tags(context, exchange, route.name, proxy);
    case "referrers":
      return referrers(context, exchange, route.name, route.digest, proxy);
    case "manifest":
      if (method === "PUT") return putManifestResponse(context, exchange, route.name, route.reference);
      if (method === "DELETE") return deleteManifestResponse(context, exchange, route.name, route.reference);
      return getManifest(context, exchange, route.name, route.reference, proxy);
    case "blob":
      if (method === "DELETE") return deleteBlobResponse(context, exchange, route.name, route.digest);
      return getBlob(context, exchange, route.name, route.digest, proxy);
    case "uploads":
      return startUpload(context, exchange, route.name);
    case "upload":
      if (method === "PATCH") return patchUpload(context, exchange, route.name, route.id);
      if (method === "PUT") return putUpload(context, exchange, route.name, route.id);
      if (method === "DELETE") return deleteUpload(context, route.name, route.id);
      return uploadStatus(context, route.name, route.id);
  }
}
