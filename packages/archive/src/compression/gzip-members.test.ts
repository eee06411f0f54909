import { expect, test } from "bun:test";
import zlib from "node:zlib";
import { gzipMembers } from "./gzip-members.ts";

async function packed(pieces: Iterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of gzipMembers(pieces)) parts.push(part);
  return Buffer.concat(parts);
}

function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  // One buffer for all pieces, as sources have it.
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
  }
}

const MIB = 1 << 20;
const text = Buffer.from("The quick brown fox. ".repeat(160_000));

test.each([0, 1, MIB - 1, MIB, MIB + 1, text.length])("%d bytes come back", async (size) => {
  const content = text.subarray(0, size);
  const result = await packed(cut(content, 100_000));
  expect(zlib.gunzipSync(result)).toEqual(content);
  const gzip = Bun.spawnSync(["gzip", "-dc"], { stdin: result });
  expect(gzip.exitCode).toBe(0);
  expect(Buffer.compare(gzip.stdout, content)).toBe(0);
});

test("the result does not depend on how the content came", async () => {
  const once = await packed([text]);
  for (const size of [777, MIB, 3 * MIB]) expect(Buffer.compare(await packed(cut(text, size)), once)).toBe(0);
});
