import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goMode, PACKET, Packet, type Stat } from "@berth/api/buildkit";
import type { ServerCall } from "@berth/api/grpc";
import { receive } from "./receive-files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-receive-"));
  mkdirSync(join(folder, "outside"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const stat = (path: string, mode: number, more: Partial<Stat> = {}): Stat => ({
  ...{
    path,
    mode: goMode(mode),
    uid: 0,
    gid: 0,
    size: 4,
    modTime: 7n,
    linkname: "",
    devmajor: 0,
    devminor: 0,
  },
  xattrs: {},
  ...more,
});
const FILE = 0o100644;

/** A daemon that sends these entries; each file has the content `data`. */
function daemon(entries: Stat[]): ServerCall {
  const waiting = [
    ...entries.map((each) => Packet.encode({ type: PACKET.STAT, stat: each })),
    Packet.encode({ type: PACKET.STAT }),
  ];
  return {
    metadata: new Map(),
    signal: new AbortController().signal,
    async *messages() {
      for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) yield message;
    },
    async write(message) {
      const packet = Packet.decode(message);
      if (packet.type === PACKET.FIN) waiting.push(Packet.encode({ type: PACKET.FIN }));
      if (packet.type !== PACKET.REQUEST) return;
      waiting.push(
        Packet.encode({ type: PACKET.DATA, id: packet.id, data: Buffer.from("data") }),
        Packet.encode({ type: PACKET.DATA, id: packet.id }),
      );
    },
  };
}

const into = (entries: Stat[]) => receive(daemon(entries), { kind: "folder", path: join(folder, "out") });
const outside = () => join(folder, "outside", "x");

test("files, folders and links", async () => {
  await into([
    stat("d", 0o40755),
    stat("d/f", FILE),
    stat("l", 0o120777, { linkname: "d/f", size: 0 }),
    stat("h", FILE, { linkname: "d/f", size: 0 }),
  ]);
  for (const name of ["d/f", "l", "h"]) expect(readFileSync(join(folder, "out", name), "utf8")).toBe("data");
});

test("nothing is written outside: neither by .., nor through links that come along, nor through links that were there", async () => {
  await expect(into([stat("../outside/x", FILE)])).rejects.toThrow("invalid path");
  const link = stat("l", 0o120777, { linkname: "../outside", size: 0 });
  await expect(into([link, stat("l/x", FILE)])).rejects.toThrow("is below a link");
  await expect(into([stat("h", FILE, { linkname: "../outside/y", size: 0 })])).rejects.toThrow(
    "invalid path",
  );
  rmSync(join(folder, "out"), { recursive: true });
  mkdirSync(join(folder, "out"));
  symlinkSync("../outside", join(folder, "out", "there"));
  await into([stat("there/x", FILE)]);
  expect(existsSync(outside())).toBe(false);
  expect(readFileSync(join(folder, "out/there/x"), "utf8")).toBe("data");
});
