import type { CacheEndpoint, Exporter } from "@berth/api/build";
import { control } from "@berth/api/buildkit";
import { invalidParameter, newId } from "@berth/base";
import type { Exchange } from "../../http/exchange.ts";
import { sendChunks } from "../../http/stream.ts";
import { buildRequest, type FrontendRequest } from "../attributes.ts";
import { failure, familiarTag } from "../classic/messages.ts";
import {
  extraHosts,
  isArguments,
  isStrings,
  isTexts,
  jsonParameter,
  limits,
  tagsOf,
} from "../classic/options.ts";
import type { BuildService } from "../service.ts";
import { sessionCache, sessionExporter, sessionProviders, sessionSources } from "../session/client-side.ts";
import type { Session } from "../session/session.ts";
import { statusResponse } from "./progress.ts";

const UPLOAD = "upload-request";
/** Name of a context that is the request's body. */
const BODY = "request-body";
const CLIENT_SESSION = "client-session";
const LINE_END = "\r\n";

/** `POST /build?version=2`: BuildKit's builder behind the Engine API, as the CLI of Docker 18.09 to 22 uses it. */
export async function buildKitOverApi(exchange: Exchange, service: BuildService): Promise<void> {
  const { query } = exchange;
  const buildId = query.string("buildid");
  if (buildId.startsWith(`${UPLOAD}:`)) {
    await service.uploads.offer(buildId.slice(UPLOAD.length + 1), exchange.bodyStream());
    return exchange.empty(200);
  }
  const sessionId = query.string("session");
  const session = sessionId === "" ? undefined : await service.sessions.find(sessionId, exchange.signal);
  const ref = buildId || newId();
  const running = service.running.begin(ref);
  const queue = running.read();
  try {
    const building = start(exchange, service, session, ref).finally(() => queue.end());
    building.catch(() => {});
    async function* messages(): AsyncGenerator<string> {
      for await (const events of queue.batches()) {
        const data = control.StatusResponse.encode(statusResponse(events));
        yield line({ id: "moby.buildkit.trace", aux: Buffer.from(data).toString("base64") });
      }
      try {
        const result = await building;
        if (result.imageId !== undefined) {
          yield line({ id: "moby.image.id", aux: { ID: result.imageId } });
          if (query.boolean("q")) yield line({ stream: `${result.imageId}\n` });
          else {
            for (const tag of tagsOf(query))
              yield line({ stream: `Successfully tagged ${familiarTag(tag)}\n` });
          }
        }
      } catch (error) {
        const { errorDetail } = failure(error);
        const message = error instanceof Error ? error.message : (errorDetail?.message ?? "");
        yield line({ errorDetail: { message }, error: message });
      }
    }
    await sendChunks(exchange, { "Content-Type": "application/json" }, messages(), { flush: true });
  } finally {
    service.running.end(ref);
  }
}

async function start(exchange: Exchange, service: BuildService, session: Session | undefined, ref: string) {
  const { query } = exchange;
  const running = service.running.begin(ref);
  const attributes = frontendAttributes(exchange);
  const sources = session === undefined ? NO_SOURCES : sessionSources(session);
  const remote = query.string("remote");
  // dockerode sends the context in the body.
  if (remote === "") attributes.context = BODY;
  const upload =
    remote === UPLOAD
      ? await service.uploads.take(query.string("buildid"))
      : remote === ""
        ? exchange.bodyStream()
        : undefined;
  const request = buildRequest({
    ref,
    attributes,
    exporters: exportersOf(exchange, session),
    cacheImports: [],
    cacheExports: cacheExports(query.string("cacheto")).map((each) =>
      session ? sessionCache(each, session) : each,
    ),
    entitlements: [],
    ...sources,
    remote: (url) =>
      upload !== undefined && (url === UPLOAD || url === BODY)
        ? { kind: "tar", stream: upload }
        : sources.remote?.(url),
  });
  const hostConfig = { ...limits(query), ...request.hostConfig };
  return service.running.build(
    { ...request, hostConfig, ...(session !== undefined && sessionProviders(session)) },
    running,
    exchange.signal,
  );
}

const NO_SOURCES: Pick<FrontendRequest, "local" | "remote"> = {
  local() {
    throw invalidParameter("no local sources enabled");
  },
};

/** The API's parameters as attributes of the Dockerfile frontend. */
function frontendAttributes({ query }: Exchange): Record<string, string> {
  const remote = query.string("remote");
  const cacheFrom = jsonParameter(query, "cachefrom", isStrings) ?? [];
  const hosts = extraHosts(query.string("extrahosts"));
  const attributes: Record<string, string> = Object.create(null);
  const set = (name: string, value: string) => {
    if (value !== "") attributes[name] = value;
  };
  set("filename", query.string("dockerfile"));
  set("target", query.string("target"));
  set("platform", query.string("platform"));
  set("force-network-mode", query.string("networkmode") === "default" ? "" : query.string("networkmode"));
  set("cache-from", cacheFrom.join(","));
  set("add-hosts", hosts.map((pair) => pair.replace(":", "=")).join(","));
  if (remote !== CLIENT_SESSION) set("context", remote);
  if (query.boolean("nocache")) attributes["no-cache"] = "";
  if (query.boolean("pull")) attributes["image-resolve-mode"] = "pull";
  if (query.boolean("squash")) attributes.squash = "true";
  for (const [name, value] of Object.entries(jsonParameter(query, "buildargs", isArguments) ?? {})) {
    if (value !== null) attributes[`build-arg:${name}`] = value;
  }
  for (const [name, value] of Object.entries(jsonParameter(query, "labels", isTexts) ?? {})) {
    attributes[`label:${name}`] = value;
  }
  return attributes;
}

function exportersOf({ query }: Exchange, session: Session | undefined): Exporter[] {
  const outputs = jsonParameter(query, "outputs", isOutputs) ?? [];
  if (outputs.length > 1) throw invalidParameter("multiple outputs not supported");
  const names = tagsOf(query).join(",");
  const [output] = outputs;
  if (output === undefined) return [{ type: "image", attributes: names === "" ? {} : { name: names } }];
  const { Type, Attrs } = output;
  if (Type === "cacheonly") return [];
  const attributes = { ...(names !== "" && { name: names }), ...Attrs };
  return [sessionExporter(Type, attributes, session, 0)];
}

function isOutputs(value: unknown): value is { Type: string; Attrs?: Record<string, string> }[] {
  return (
    Array.isArray(value) &&
    value.every(
      (each) =>
        typeof each?.Type === "string" &&
        (each.Attrs === undefined || each.Attrs === null || isTexts(each.Attrs)),
    )
  );
}

function cacheExports(text: string): CacheEndpoint[] {
  return text === "" ? [] : [{ type: text, attributes: {} }];
}

function line(message: unknown): string {
  return JSON.stringify(message) + LINE_END;
}
