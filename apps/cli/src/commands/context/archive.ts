import { END_OF_ARCHIVE, encodeHeader, padding, TarReader } from "@berth/archive";
import type { StoredContext } from "../../config/context-store.ts";
import type { TlsFiles } from "../../config/context-tls.ts";
import { contextJson } from "../../config/store-context.ts";
import { CommandError } from "../../errors.ts";

/** As much as Docker's own import reads. */
const MOST_BYTES = 10 << 20;
const META = "meta.json";
const TLS = "tls/docker/";

/** A context as `context export` writes it: `meta.json` and `tls/docker/*.pem` in a tar. */
export function packContext(stored: StoredContext, tls: TlsFiles): Uint8Array {
  const parts: Uint8Array[] = [];
  const add = (type: "file" | "directory", name: string, mode: number, content: Uint8Array) => {
    const mtime = { seconds: 0, nanoseconds: 0 };
    parts.push(encodeHeader({ type, name, mode, uid: 0, gid: 0, mtime, size: content.length }));
    parts.push(content, new Uint8Array(padding(content.length)));
  };
  const nothing = new Uint8Array(0);
  add("file", META, 0o644, new TextEncoder().encode(contextJson(stored)));
  add("directory", "tls", 0o700, nothing);
  if (tls.size > 0) add("directory", "tls/docker", 0o700, nothing);
  for (const [name, bytes] of tls) add("file", TLS + name, 0o600, bytes);
  parts.push(END_OF_ARCHIVE);
  return Buffer.concat(parts);
}

/** Reads what `packContext` wrote. @throws CommandError for what is no such archive. */
export async function unpackContext(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ stored: StoredContext; tls: TlsFiles }> {
  const files = new Map<string, Uint8Array[]>();
  let current: Uint8Array[] | undefined;
  let total = 0;
  const reader = new TarReader({
    entry: ({ name, type }) => {
      const path = name.replace(/^\.\//, "");
      current = undefined;
      if (type === "directory") return;
      const isKnown =
        path === META || (path.startsWith(TLS) && /^(ca|cert|key)\.pem$/.test(path.slice(TLS.length)));
      if (type !== "file" || !isKnown) {
        throw new CommandError(`${path}: unexpected context file`);
      }
      current = [];
      files.set(path, current);
    },
    data: (bytes) => {
      current?.push(bytes.slice());
    },
    end: () => {},
  });
  for await (const chunk of chunks) {
    if (total === 0 && chunk[0] === 0x50 && chunk[1] === 0x4b) {
      throw new CommandError("zip archives are not supported: give a tar");
    }
    total += chunk.length;
    if (total > MOST_BYTES) throw new CommandError("the archive is larger than a context can be");
    reader.push(chunk);
  }
  const meta = files.get(META);
  if (meta === undefined) throw new CommandError("invalid context: no metadata found");
  const tls = new Map<string, Uint8Array>();
  for (const [path, parts] of files) {
    if (path !== META) tls.set(path.slice(TLS.length), Buffer.concat(parts));
  }
  return { stored: parseMeta(Buffer.concat(meta).toString("utf8")), tls };
}

function parseMeta(text: string): StoredContext {
  try {
    const { Name, Metadata, Endpoints } = JSON.parse(text) as StoredContext;
    return { Name, Metadata: Metadata ?? {}, Endpoints: Endpoints ?? {} };
  } catch (error) {
    throw new CommandError(`invalid context: ${(error as Error).message}`);
  }
}
