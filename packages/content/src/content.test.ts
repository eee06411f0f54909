import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "@berth/base";
import type { Content } from "./content.ts";
import { openContent } from "./file-content.ts";

let root: string;
let content: Content;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-content-"));
  content = openContent(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const stream = (...parts: Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
const files = (folder: string) => readdirSync(join(root, folder));
const text = "the quick brown fox ".repeat(300_000); // 6 MB
const random = crypto.getRandomValues(new Uint8Array(60_000));

async function all(blob: ReadableStream<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of blob) parts.push(part);
  return Buffer.concat(parts);
}

describe.each([
  ["compressible", Buffer.from(text), "zstd"],
  ["small", Buffer.from("{}"), "identity"],
  ["empty", Buffer.alloc(0), "identity"],
  ["gzip", Buffer.from(Bun.gzipSync(random)), "identity"],
  ["exactly a piece", Buffer.alloc(1 << 20, 7), "zstd"],
  ["a piece and a byte", Buffer.alloc((1 << 20) + 1, 7), "zstd"],
] as const)("%s content", (_name, bytes, encoding) => {
  test("comes back as it went, also after a restart", async () => {
    using lease = content.lease();
    const half = bytes.length >> 1;
    const blob = await content.ingest(stream(bytes.subarray(0, half), bytes.subarray(half)), { lease });
    expect(blob).toEqual({ digest: sha256(bytes), size: bytes.length });
    for (const store of [content, openContent(root)]) {
      expect(store.has(blob.digest)).toBe(true);
      expect(store.size(blob.digest)).toBe(bytes.length);
      expect(store.locate(blob.digest).encoding).toBe(encoding);
      expect((await all(store.open(blob.digest))).equals(bytes)).toBe(true);
      expect(Buffer.from(await store.read(blob.digest, 1 << 30)).equals(bytes)).toBe(true);
      expect(store.list()).toEqual([blob]);
    }
    if (encoding === "zstd") expect(content.diskUsage()).toBeLessThan(bytes.length / 2);
    expect(files("ingest")).toEqual([]);
  });
});

test("compressed files are what zstd(1) reads", async () => {
  using lease = content.lease();
  const { digest } = await content.put(Buffer.from(text), { lease });
  const out = Bun.spawnSync(["zstd", "-dcq", content.locate(digest).path]).stdout;
  expect(sha256(out)).toBe(digest);
});

test("encoding identity keeps it as it is", async () => {
  using lease = content.lease();
  const { digest } = await content.put(Buffer.from(text), { lease, encoding: "identity" });
  expect(readFileSync(content.locate(digest).path, "utf8")).toBe(text);
});

test("a wrong digest or size, too much, an abort and a broken stream leave nothing", async () => {
  using lease = content.lease();
  const bytes = Buffer.from(text);
  const broken = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes);
      controller.error(new Error("the client went away"));
    },
  });
  const attempts: [() => Promise<unknown>, string][] = [
    [() => content.ingest(stream(bytes), { lease, expected: { digest: sha256("x") } }), "expected sha256:"],
    [() => content.ingest(stream(bytes), { lease, expected: { size: 1 } }), "expected 1"],
    [() => content.ingest(stream(bytes), { lease, maximum: 1000 }), "larger than 1000"],
    [() => content.ingest(stream(bytes), { lease, signal: AbortSignal.abort() }), "abort"],
    [() => content.ingest(broken, { lease }), "the client went away"],
  ];
  for (const [attempt, message] of attempts) await expect(attempt()).rejects.toThrow(message);
  expect(files("ingest")).toEqual([]);
  expect(files("sha256")).toEqual([]);
});

test("the same content twice at once is one blob", async () => {
  using lease = content.lease();
  const bytes = Buffer.from(text);
  const blobs = await Promise.all([1, 2, 3].map(() => content.ingest(stream(bytes), { lease })));
  expect(new Set(blobs.map((blob) => blob.digest)).size).toBe(1);
  expect(files("sha256")).toHaveLength(1);
  expect(files("ingest")).toEqual([]);
});

test("leftovers of a crash are removed, foreign files are left alone", async () => {
  writeFileSync(join(root, "ingest", "77-1"), "half");
  writeFileSync(join(root, "sha256", "README"), "mine");
  const again = openContent(root);
  expect(files("ingest")).toEqual([]);
  expect(files("sha256")).toEqual(["README"]);
  expect(again.list()).toEqual([]);
});

test("collect leaves what is referenced or held", async () => {
  const outer = content.lease();
  const [a, b, c] = await Promise.all(
    ["a", "b", "c"].map((each) => content.put(Buffer.from(each), { lease: outer })),
  );
  const other = content.lease();
  other.hold(b!.digest);
  expect(await content.collect(new Set())).toEqual({ blobs: 0, bytes: 0 });
  outer[Symbol.dispose]();
  expect(await content.collect(new Set([a!.digest]))).toEqual({ blobs: 1, bytes: 1 });
  expect(content.has(c!.digest)).toBe(false);
  other[Symbol.dispose]();
  expect((await content.collect(new Set())).blobs).toBe(2);
  expect(files("sha256")).toEqual([]);
});

test.each(["identity", "auto"] as const)("damage on disk is noticed (%s)", async (encoding) => {
  using lease = content.lease();
  const { digest } = await content.put(Buffer.from(text), { lease, encoding });
  const { path } = content.locate(digest);
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.from("XXXX"), 0, 4, statSync(path).size >> 1);
  closeSync(fd);
  await expect(content.read(digest, 1 << 30)).rejects.toThrow("is damaged on disk");
  await expect(all(content.open(digest))).rejects.toThrow("is damaged on disk");
});

test("a full disk gives its sentence and leaves nothing", async () => {
  const small = mkdtempSync(join(tmpdir(), "berth-small-"));
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small]);
  expect(mounted.exitCode).toBe(0);
  try {
    const store = openContent(join(small, "content"));
    using lease = store.lease();
    const noise = crypto.getRandomValues(new Uint8Array(60_000));
    const parts = Array.from({ length: 100 }, () => noise);
    await expect(store.ingest(stream(...parts), { lease, encoding: "identity" })).rejects.toThrow(
      "no space left on device",
    );
    expect(readdirSync(join(small, "content", "ingest"))).toEqual([]);
    expect(store.list()).toEqual([]);
  } finally {
    Bun.spawnSync(["umount", "-l", small]);
    rmSync(small, { recursive: true });
  }
});

test("unknown content is not-found; a read is bounded", async () => {
  expect(() => content.locate(sha256("?"))).toThrow("is not there");
  using lease = content.lease();
  const { digest } = await content.put(Buffer.from("12345"), { lease });
  await expect(content.read(digest, 4)).rejects.toThrow("more than 4");
  await content.delete(digest);
  await content.delete(digest);
  expect(content.has(digest)).toBe(false);
});
