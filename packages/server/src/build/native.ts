import { statSync } from "node:fs";
import type { Decoder } from "@berth/api";
import type {
  BuildResult,
  CacheEndpoint,
  ContextSource,
  Exporter,
  NativeBuildRequest,
  NativeFolder,
  NativePlace,
  NativeProcess,
  ProgressEvent,
} from "@berth/api/build";
import { invalidParameter, newId } from "@berth/base";
import type { Exchange } from "../http/exchange.ts";
import { sendChunks } from "../http/stream.ts";
import { buildRequest } from "./attributes.ts";
import { sourceOf } from "./buildkit/failure.ts";
import { isTexts, registryConfig } from "./classic/options.ts";
import { seesSameFiles } from "./same-files.ts";
import type { BuildService } from "./service.ts";
import { sessionExporter, sessionProviders, sessionSources } from "./session/client-side.ts";
import type { Session } from "./session/session.ts";

/** Build arguments may hold whole files. */
const REQUEST_LIMIT = 16 << 20;
/** Events that are kept of a quiet build, in case that it fails. */
const QUIET_EVENTS = 200;

/**
 * `POST /berth/build`, what Berth's own command line uses: one request, whose answer is the progress, a JSON object a
 * line. A client on the same machine (unix socket) names folders instead of sending them; device and inode prove that
 * both mean the same one, or that the client is a process that sees the same files. Who may talk to the socket may have any
 * folder mounted into a container, so that no further right is needed.
 */
export async function nativeBuild(exchange: Exchange, service: BuildService): Promise<void> {
  const asked = await exchange.readJson(REQUEST, { limit: REQUEST_LIMIT });
  return answer(exchange, service, asked);
}

async function answer(exchange: Exchange, service: BuildService, asked: NativeBuildRequest): Promise<void> {
  const session =
    asked.session === undefined ? undefined : await service.sessions.find(asked.session, exchange.signal);
  const ref = asked.ref ?? newId();
  const running = service.running.begin(ref);
  const queue = running.read(asked.quiet === true ? QUIET_EVENTS : undefined);
  try {
    const request = buildRequest({
      ref,
      attributes: asked.attributes,
      exporters: asked.exporters.map((exporter, at) => exporterOf(exchange, exporter, session, at)),
      cacheImports: (asked.cacheImports ?? []).map((endpoint) => endpointOf(exchange, endpoint)),
      cacheExports: (asked.cacheExports ?? []).map((endpoint) => endpointOf(exchange, endpoint)),
      entitlements: asked.entitlements ?? [],
      local: (name) => localFolder(exchange, asked, session, name),
      ...(session !== undefined && { remote: (url) => sessionSources(session).remote?.(url) }),
    });
    const auth = registryConfig(exchange);
    const building = service.running
      .build(
        {
          ...request,
          ...(auth !== undefined && { auth }),
          ...(session !== undefined && sessionProviders(session)),
        },
        running,
        exchange.signal,
      )
      .finally(() => queue.end());
    building.catch(() => {});
    async function* progress(): AsyncGenerator<string> {
      for await (const events of queue.batches()) {
        let text = "";
        for (const event of events) text += lineOf(event);
        yield text;
      }
    }
    async function* messages(): AsyncGenerator<string> {
      if (asked.quiet !== true) yield* progress();
      try {
        yield `${JSON.stringify({ type: "result", result: shown(await building, asked) })}\n`;
      } catch (error) {
        yield* progress();
        yield `${JSON.stringify({ type: "error", error: failureOf(error) })}\n`;
      }
    }
    await sendChunks(exchange, { "Content-Type": "application/x-ndjson" }, messages());
  } finally {
    service.running.end(ref);
  }
}

function shown(result: BuildResult, asked: NativeBuildRequest): BuildResult {
  return asked.explain === true ? result : { ...result, steps: [] };
}

function failureOf(error: unknown) {
  const { message, kind, hint, vertexName, output, processExitCode } = error as Record<string, unknown>;
  const source = sourceOf(error);
  return { message: message ?? String(error), kind, hint, vertexName, output, processExitCode, source };
}

/** Times are strings of digits, log data is base64. */
function lineOf(event: ProgressEvent): string {
  if (event.type !== "log")
    return `${JSON.stringify(event, wire)}
`;
  const { data, ...log } = event.log;
  const encoded = Buffer.from(data.buffer, data.byteOffset, data.length).toString("base64");
  return `${JSON.stringify({ type: "log", log: { ...log, data: encoded } }, wire)}
`;
}

function wire(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

function localFolder(
  exchange: Exchange,
  asked: NativeBuildRequest,
  session: Session | undefined,
  name: string,
): ContextSource {
  const folder = Object.hasOwn(asked.folders ?? {}, name) ? asked.folders?.[name] : undefined;
  if (folder !== undefined) {
    const path =
      folder.inode !== undefined
        ? samePath(exchange, folder)
        : unseenPath(exchange, asked, name, folder.path);
    return { kind: "folder", path };
  }
  if (session === undefined) throw invalidParameter(`no folder ${JSON.stringify(name)} was offered`);
  return sessionSources(session).local(name);
}

/** @throws invalid-parameter unless client and daemon see the same folder under this name. */
function samePath(exchange: Exchange, folder: NativeFolder): string {
  requireLocal(exchange);
  const stat = statSync(folder.path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined || String(stat.dev) !== folder.device || String(stat.ino) !== folder.inode) {
    throw invalidParameter(`the folder ${folder.path} is not the same one for client and daemon`);
  }
  return folder.path;
}

/** @throws invalid-parameter unless the client sees the same files, and what it did not look at is there. */
function unseenPath(
  exchange: Exchange,
  { client, attributes }: NativeBuildRequest,
  name: string,
  path: string,
): string {
  requireLocal(exchange);
  const isFolder = (of: string) => statSync(of, { throwIfNoEntry: false })?.isDirectory();
  const isThere =
    isFolder(path) === true &&
    (name !== "dockerfile" || isFolder(`${path}/${attributes.filename ?? "Dockerfile"}`) === false);
  if (isThere && client !== undefined && seesSameFiles(client)) return path;
  throw invalidParameter(`the client has to show that ${path} is the same one for client and daemon`);
}

function requireLocal({ request }: Exchange): void {
  if (request.socket.remoteAddress !== undefined && request.socket.remotePort !== undefined) {
    throw invalidParameter("only a client on a unix socket can name folders");
  }
}

function exporterOf(
  exchange: Exchange,
  exporter: NativeBuildRequest["exporters"][number],
  session: Session | undefined,
  at: number,
): Exporter {
  const { type, attributes, output } = exporter;
  if (output === undefined) {
    if (type === "docker" && !attributes.dest) return { type: "image", attributes };
    return sessionExporter(type, attributes, session, at);
  }
  return {
    type: type as Exporter["type"],
    attributes,
    output: { kind: output.kind, path: placeOf(exchange, output) },
  };
}

/** @throws invalid-parameter unless client and daemon mean the same place. */
function placeOf(exchange: Exchange, { path, within }: NativePlace): string {
  const folder = samePath(exchange, within);
  if (path !== folder && !path.startsWith(folder === "/" ? folder : `${folder}/`))
    throw invalidParameter("invalid build request: a place outside of its folder");
  return path;
}

function endpointOf(
  exchange: Exchange,
  { type, attributes, folder }: NonNullable<NativeBuildRequest["cacheImports"]>[number],
): CacheEndpoint {
  if (folder === undefined) return { type, attributes };
  return { type, attributes, folder: { kind: "folder", path: placeOf(exchange, folder) } };
}

const REQUEST: Decoder<NativeBuildRequest> = Object.assign(decodeRequest, { goType: "build request" });

/** @throws invalid-parameter. */
export function decodeRequest(value: unknown): NativeBuildRequest {
  const body = value as NativeBuildRequest;
  const wrong = (what: string) => invalidParameter(`invalid build request: ${what}`);
  if (typeof body !== "object" || body === null) throw wrong("no object");
  if (!isTexts(body.attributes)) throw wrong("attributes");
  if (!Array.isArray(body.exporters)) throw wrong("exporters");
  for (const each of [...body.exporters, ...(body.cacheImports ?? []), ...(body.cacheExports ?? [])]) {
    if (typeof each?.type !== "string" || !isTexts(each.attributes)) throw wrong("an exporter or cache");
    const place = "output" in each ? each.output : "folder" in each ? each.folder : undefined;
    if (place !== undefined && !(isPath(place?.path) && isPath(place.within?.path))) throw wrong("a path");
  }
  for (const folder of Object.values(body.folders ?? {})) {
    if (!isPath(folder?.path)) throw wrong("a folder");
  }
  if (body.client !== undefined && !isProcess(body.client)) throw wrong("the client");
  return body;
}

function isProcess(value: Partial<NativeProcess> | null): boolean {
  const given = value?.arguments;
  return (
    Number.isSafeInteger(value?.pid) &&
    Array.isArray(given) &&
    given.every((each) => typeof each === "string")
  );
}

/** Absolute, and without ways up. */
function isPath(path: unknown): path is string {
  return (
    typeof path === "string" &&
    path.startsWith("/") &&
    !path.split("/").includes("..") &&
    !path.includes("\0")
  );
}
