import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PACKET, Packet } from "@berth/api/buildkit";
import type { ServerCall } from "@berth/api/grpc";
import { sendFiles } from "./send-files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-send-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What a daemon gets that asks for all files, after `change` has happened to what it was told of. */
async function received(change: () => void): Promise<Record<string, string>> {
  const names: string[] = [];
  const contents: Record<string, string> = {};
  const requests: Uint8Array[] = [];
  const call = {
    metadata: new Map([["dir-name", ["context"]]]),
    async write(message: Uint8Array) {
      const { type, id, stat, data } = Packet.decode(message);
      if (type === PACKET.DATA) contents[names[id] as string] += new TextDecoder().decode(data);
      if (type !== PACKET.STAT) return;
      if (stat !== undefined) {
        names.push(stat.path);
        return;
      }
      change();
      for (const [number, name] of names.entries()) {
        if (!name.startsWith("file")) continue;
        contents[name] = "";
        requests.push(Packet.encode({ type: PACKET.REQUEST, id: number }));
      }
      requests.push(Packet.encode({ type: PACKET.FIN }));
    },
    async *messages() {
      yield* requests;
    },
  };
  await sendFiles(call as unknown as ServerCall, { context: folder });
  return contents;
}

test("files that have changed since they were listed are what is read of them, and nothing when they are gone", async () => {
  for (const name of ["file1", "file2", "file3"]) writeFileSync(join(folder, name), "0123");
  const contents = await received(() => {
    rmSync(join(folder, "file1"));
    appendFileSync(join(folder, "file2"), "4567");
    writeFileSync(join(folder, "file3"), "0");
  });
  expect(contents).toEqual({ file1: "", file2: "01234567", file3: "0" });
});

test("what cannot be read fails", async () => {
  writeFileSync(join(folder, "file1"), "0123");
  const changed = received(() => {
    rmSync(join(folder, "file1"));
    mkdirSync(join(folder, "file1"));
  });
  await expect(changed).rejects.toThrow("EISDIR");
});
