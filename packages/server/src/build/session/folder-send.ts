import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goMode, METHODS, PACKET, Packet, S, type Stat } from "@berth/api/buildkit";
import { type TarEntry, TarReader } from "@berth/archive";
import { notImplemented, systemError } from "@berth/base";
import type { Session } from "./session.ts";
import { EXPORTER_ID } from "./transfers.ts";

const CHUNK = 32 << 10;

interface Item {
  stat: Stat;
  /** Runs of the spooled archive that hold the content. */
  runs: { at: number; length: number; position: number }[];
}

/**
 * Sends a tree, which comes as a tar, into a folder of the client, by fsutil's protocol: all names first, then the
 * contents that the client asks for. The archive is kept in a file meanwhile.
 */
export async function sendFolder(
  session: Session,
  tar: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  exporter = 0,
): Promise<void> {
  if (!session.supports(METHODS.fileSend)) {
    throw notImplemented(`method ${METHODS.fileSend} not supported by the client`);
  }
  const folder = await mkdtemp(join(tmpdir(), "berth-export-"));
  try {
    const file = await open(join(folder, "tar"), "wx+", 0o600);
    try {
      const items = await spool(
        tar,
        async (chunk, at) => void (await file.write(chunk, 0, chunk.length, at)),
      );
      const call = session.calls.stream(METHODS.fileSend, {
        metadata: { [EXPORTER_ID]: String(exporter) },
        signal,
      });
      for (const { stat } of items) await call.write(Packet.encode({ type: PACKET.STAT, stat }));
      await call.write(Packet.encode({ type: PACKET.STAT }));
      for await (const message of call.messages()) {
        const packet = Packet.decode(message);
        if (packet.type === PACKET.ERROR) throw systemError(new TextDecoder().decode(packet.data));
        if (packet.type === PACKET.FIN) {
          await call.write(Packet.encode({ type: PACKET.FIN }));
          call.end();
          continue;
        }
        const item = items[packet.id];
        if (packet.type !== PACKET.REQUEST || item === undefined)
          throw systemError("invalid request of a file");
        const buffer = Buffer.alloc(CHUNK);
        for (const run of item.runs) {
          for (let done = 0; done < run.length; ) {
            const { bytesRead } = await file.read(
              buffer,
              0,
              Math.min(CHUNK, run.length - done),
              run.at + done,
            );
            if (bytesRead === 0) throw systemError("the exported archive is shorter than its list");
            done += bytesRead;
            const data = buffer.subarray(0, bytesRead);
            await call.write(Packet.encode({ type: PACKET.DATA, id: packet.id, data }));
          }
        }
        await call.write(Packet.encode({ type: PACKET.DATA, id: packet.id }));
      }
    } finally {
      await file.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Stores the contents one behind the other. @returns what is in the archive in fsutil's order: parents first, names by bytes. */
async function spool(
  tar: ReadableStream<Uint8Array>,
  store: (chunk: Uint8Array, at: number) => Promise<void>,
): Promise<Item[]> {
  const items = new Map<string, Item>();
  let stored = 0;
  let current: Item | undefined;
  let pending: Uint8Array[] = [];
  const reader = new TarReader({
    entry(entry) {
      const path = entry.name.replace(/^(?:\.?\/)+/, "").replace(/\/+$/, "");
      current = undefined;
      if (path === "" || path === ".") return;
      current = { stat: statOf(path, entry), runs: [] };
      items.set(path, current);
    },
    data(bytes, position) {
      if (current === undefined) return;
      current.runs.push({ at: stored, length: bytes.length, position });
      pending.push(bytes.slice());
      stored += bytes.length;
    },
    end() {},
  });
  let written = 0;
  for await (const chunk of tar) {
    reader.push(chunk);
    for (const each of pending) {
      await store(each, written);
      written += each.length;
    }
    pending = [];
  }
  const key = (item: Item) => item.stat.path.replaceAll("/", "\0");
  return [...items.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function statOf(path: string, entry: TarEntry): Stat {
  const kinds = {
    file: S.IFREG,
    link: S.IFREG,
    symlink: S.IFLNK,
    char: S.IFCHR,
    block: S.IFBLK,
    directory: S.IFDIR,
    fifo: S.IFIFO,
  };
  const isLink = entry.type === "link" || entry.type === "symlink";
  const linkname = entry.type === "link" ? entry.linkName.replace(/^(?:\.?\/)+/, "") : entry.linkName;
  return {
    path,
    mode: goMode(kinds[entry.type] | entry.mode),
    uid: entry.uid,
    gid: entry.gid,
    size: entry.size,
    modTime: BigInt(entry.mtime.seconds) * 1_000_000_000n + BigInt(entry.mtime.nanoseconds),
    linkname: isLink ? linkname : "",
    devmajor: entry.deviceMajor,
    devminor: entry.deviceMinor,
    xattrs: Object.fromEntries(entry.xattrs ?? []),
  };
}
