import type {
  BuildResult,
  NativeBuildRequest,
  NativeFailure,
  NativeMessage,
  NativePlace,
  NativeProcess,
  ProgressEvent,
} from "@berth/api/build";
import type { Client } from "../client.ts";
import { ApiError } from "../errors.ts";
import { jsonLines } from "../http/json-lines.ts";
import type { Offers } from "./session.ts";

/** A build as a client asks for it. */
export interface BuildOptions {
  /** The request without what this module finds out: how files, secrets and results get over. */
  request: Omit<NativeBuildRequest, "folders" | "session">;
  offers: Offers;
  /** Folders of the offers that were looked at already, by path. */
  known?: ReadonlyMap<string, FolderIdentity>;
  /** Who asks, when nobody has looked at the folders yet, nor whether the Dockerfile is there. */
  unseenBy?: NativeProcess;
  /** `X-Registry-Config`. */
  registryConfig?: string;
  /** Names the same folder of the same client in later builds, so that only changes are sent. */
  sharedKey?: () => Promise<string>;
  onEvent(event: ProgressEvent): void;
  signal?: AbortSignal;
}

/** Which folder it is, whatever its path. */
export interface FolderIdentity {
  dev: number | bigint;
  ino: number | bigint;
}

/** A build that failed by what it was asked to do. */
export class BuildFailure extends Error {
  readonly failure: NativeFailure;

  constructor(failure: NativeFailure) {
    super(failure.message);
    this.name = "BuildFailure";
    this.failure = failure;
  }
}

/** The folders have to be looked at before they can be built from: the daemon cannot say that it sees them, and all that is needed. */
export class UnseenFolders extends Error {}

/**
 * POST /berth/build. On a unix socket the daemon reads and writes the folders itself, and a session is opened only for secrets,
 * keys and results on our own streams; anywhere else everything goes through a session. @throws BuildFailure, ApiError, UnseenFolders (with `unseenBy`) …
 */
export async function build(client: Client, options: BuildOptions): Promise<BuildResult> {
  const { offers, request } = options;
  if (client.address.kind === "unix") {
    const folders = await identify(offers.folders, options);
    const own = new Map([...offers.receivers].filter(([at]) => request.exporters[at]?.output === undefined));
    const needsSession =
      offers.secrets.size > 0 || offers.agents.size > 0 || own.size > 0 || offers.upload !== undefined;
    try {
      return await run(client, { ...options, offers: { ...offers, receivers: own } }, folders, needsSession);
    } catch (error) {
      // A socket that leads to another machine or into another container.
      const elsewhere = error instanceof ApiError && /the same one for client and daemon/.test(error.message);
      if (!elsewhere) throw error;
    }
  }
  if (options.unseenBy !== undefined) throw new UnseenFolders();
  return run(client, { ...options, request: withoutPlaces(request) }, undefined, true);
}

/** The request for a daemon that does not see our files. @throws BuildFailure for what only one that does can do */
function withoutPlaces(request: BuildOptions["request"]): BuildOptions["request"] {
  const caches = [...(request.cacheImports ?? []), ...(request.cacheExports ?? [])];
  if (caches.some(({ folder }) => folder !== undefined))
    throw new BuildFailure({ message: "a cache of the type local needs a daemon on this machine" });
  return { ...request, exporters: request.exporters.map(({ type, attributes }) => ({ type, attributes })) };
}

async function run(
  client: Client,
  options: BuildOptions,
  folders: NativeBuildRequest["folders"],
  withSession: boolean,
): Promise<BuildResult> {
  const { request, offers, signal } = options;
  const id = withSession ? crypto.randomUUID().replaceAll("-", "") : undefined;
  const session =
    id === undefined
      ? undefined
      : await (await import("./session.ts")).openSession(
          client,
          id,
          (await options.sharedKey?.()) ?? "",
          offers,
          signal,
        );
  try {
    const response = await client.request({
      method: "POST",
      path: "/berth/build",
      json: {
        ...request,
        ...(folders !== undefined && { folders, client: options.unseenBy }),
        ...(id !== undefined && { session: id }),
      } satisfies NativeBuildRequest,
      ...(options.registryConfig !== undefined && {
        headers: { "X-Registry-Config": options.registryConfig },
      }),
      signal,
    });
    for await (const message of jsonLines<NativeMessage>(response)) {
      if (message.type === "result") return message.result;
      if (message.type === "error") throw new BuildFailure(message.error);
      options.onEvent(revived(message));
    }
    throw new BuildFailure({ message: "the daemon's answer broke off" });
  } finally {
    session?.close();
  }
}

/** Digits and base64 of the wire → numbers and bytes. */
function revived(event: ProgressEvent): ProgressEvent {
  const time = (record: Record<string, unknown>) => {
    for (const name of ["started", "completed", "timestamp"]) {
      if (record[name] !== undefined) record[name] = BigInt(record[name] as string);
    }
  };
  if (event.type === "vertex") time(event.vertex as unknown as Record<string, unknown>);
  else if (event.type === "status") time(event.status as unknown as Record<string, unknown>);
  else if (event.type === "log") {
    time(event.log as unknown as Record<string, unknown>);
    event.log.data = Uint8Array.fromBase64(event.log.data as unknown as string);
  }
  return event;
}

/** A place on this machine as the daemon is told of it. */
export async function nativePlace(path: string): Promise<NativePlace> {
  const { dirname } = await import("node:path");
  const { statSync } = await import("node:fs");
  for (let folder = path; ; folder = dirname(folder)) {
    const stat = statSync(folder, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || !stat.isDirectory()) continue;
    return { path, within: { path: folder, device: String(stat.dev), inode: String(stat.ino) } };
  }
}

async function identify(
  folders: Readonly<Record<string, string>>,
  { known = new Map(), unseenBy }: Pick<BuildOptions, "known" | "unseenBy">,
): Promise<NonNullable<NativeBuildRequest["folders"]>> {
  const found: NonNullable<NativeBuildRequest["folders"]> = {};
  for (const [name, path] of Object.entries(folders)) {
    if (unseenBy !== undefined) {
      found[name] = { path };
      continue;
    }
    // Loading node:fs takes longer than all the rest of a quick build.
    let { dev, ino }: FolderIdentity = known.get(path) ?? (await Bun.file(path).stat());
    if (!Number.isSafeInteger(ino))
      ({ dev, ino } = (await import("node:fs")).statSync(path, { bigint: true }));
    found[name] = { path, device: String(dev), inode: String(ino) };
  }
  return found;
}
