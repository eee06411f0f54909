import { posix } from "node:path";
import type { BuildRequest } from "@berth/api/build";
import { type gateway, goMode, Op, S, type Stat } from "@berth/api/buildkit";
import { CODE, GrpcError } from "@berth/api/grpc";
import { TarReader } from "@berth/archive";
import { invalidParameter } from "@berth/base";
import type { BuildService } from "../service.ts";

/** So large may a file be that a client reads. */
const FILE_LIMIT = 15 << 20;

/**
 * A definition of the client's that is one source: a URL or a repository, of which it reads files (`bake` and `-f` of URLs).
 * undefined for any other.
 */
export function sourceDockerfile(request: gateway.SolveRequest): string | undefined {
  const sources = (request.Definition?.def ?? [])
    .map((op) => Op.decode(op).source)
    .filter((each) => each?.identifier);
  const [source] = sources;
  if (source === undefined || sources.length !== 1) return undefined;
  const { identifier, attrs } = source;
  if (/[\0\n$]/.test(identifier)) throw invalidParameter(`invalid source ${JSON.stringify(identifier)}`);
  if (/^https?:\/\//.test(identifier)) {
    const name = attrs["http.filename"] || posix.basename(new URL(identifier).pathname) || "download";
    return dockerfile([identifier, posix.join("/", name)], "");
  }
  if (!identifier.startsWith("git://")) return undefined;
  const hash = identifier.indexOf("#");
  const fragment = hash < 0 ? "" : identifier.slice(hash);
  const remote =
    attrs["git.fullurl"] || `https://${identifier.slice("git://".length, hash < 0 ? undefined : hash)}`;
  const url = /\.git$/.test(remote) || !/^https?:/.test(remote) ? remote : `${remote}.git`;
  return dockerfile(
    [`${url}${fragment}`, "/"],
    attrs["git.keepgitdir"] === "true" ? "--keep-git-dir=true " : "",
  );
}

function dockerfile(words: readonly string[], flags: string): string {
  if (words.some((word) => /[\0\n$]/.test(word))) throw invalidParameter(`invalid source ${words[0]}`);
  return `FROM scratch\nADD ${flags}${JSON.stringify(words)}\n`;
}

export interface ResultFile {
  stat: Stat;
  data: Uint8Array;
}

/** One file of what a request comes to. @throws GrpcError when there is none */
export async function resultFile(
  service: BuildService,
  request: BuildRequest,
  path: string,
  signal: AbortSignal,
): Promise<ResultFile> {
  const wanted = posix.join("/", path).slice(1);
  let found: { stat: Stat; parts: Uint8Array[] } | undefined;
  let isWanted = false;
  const reader = new TarReader({
    entry(entry) {
      const name = posix.join("/", entry.name).slice(1).replace(/\/$/, "");
      isWanted = name === wanted;
      if (!isWanted) return;
      if (entry.size > FILE_LIMIT) throw invalidParameter(`${path} is too large to be read`);
      const kind = entry.type === "directory" ? S.IFDIR : entry.type === "symlink" ? S.IFLNK : S.IFREG;
      const stat: Stat = {
        path: name,
        mode: goMode(kind | entry.mode),
        uid: entry.uid,
        gid: entry.gid,
        size: entry.size,
        modTime: BigInt(entry.mtime.seconds) * 1_000_000_000n,
        linkname: entry.type === "symlink" ? entry.linkName : "",
        devmajor: 0,
        devminor: 0,
        xattrs: {},
      };
      found = { stat, parts: [] };
    },
    data(bytes) {
      if (isWanted) found?.parts.push(bytes.slice());
    },
    end() {},
  });
  const { cacheTo: _, ...rest } = request;
  const write = async (tar: ReadableStream<Uint8Array>) => {
    for await (const chunk of tar) reader.push(chunk);
  };
  const exporters = [{ type: "tar" as const, attributes: {}, output: { kind: "stream" as const, write } }];
  await service.builder.build({ ...rest, exporters }, () => {}, signal);
  if (found === undefined) throw new GrpcError(CODE.NOT_FOUND, `open ${path}: no such file or directory`);
  return { stat: found.stat, data: Buffer.concat(found.parts) };
}
