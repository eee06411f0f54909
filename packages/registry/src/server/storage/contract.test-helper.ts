import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ObjectStore } from "./object-store.ts";

const text = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);
const bytesOf = (value: string) => new TextEncoder().encode(value);

async function* pieces(...all: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const each of all) yield typeof each === "string" ? bytesOf(each) : each;
}

/** What every store of a registry does. `open` gives an empty one. */
export function storeContract(open: () => Promise<ObjectStore & { end?: () => Promise<void> }>): void {
  let store: ObjectStore & { end?: () => Promise<void> };
  beforeAll(async () => {
    store = await open();
  });
  afterAll(async () => {
    await store[Symbol.asyncDispose]();
    await store.end?.();
  });
  const all = async (key: string, size: number, range?: { start: number; end: number }) =>
    await new Response(await store.body(key, size, range)).text();

  test("objects are written, replaced, read, looked at, removed", async () => {
    expect(await store.read("a/x")).toBeUndefined();
    expect(await store.stat("a/x")).toBeUndefined();
    await store.write([
      ["a/x", "one"],
      ["a/deep/y", bytesOf("two")],
    ]);
    await store.write([["a/x", "three"]]);
    expect(text(await store.read("a/x"))).toBe("three");
    const found = (await store.stat("a/x"))!;
    expect(found.size).toBe(5);
    expect(Math.abs(found.modified - Date.now())).toBeLessThan(60_000);
    await store.touch("a/x");
    expect(text(await store.read("a/x"))).toBe("three");
    await store.touch("a/none");
    await store.remove(["a/x", "a/none"]);
    expect(await store.read("a/x")).toBeUndefined();
    expect(text(await store.read("a/deep/y"))).toBe("two");
  });

  test("folders are listed in order and removed whole", async () => {
    await store.write([
      ["l/b/link", "1"],
      ["l/B/link", "1"],
      ["l/a", "1"],
      ["l/b-c/deep/link", "1"],
      ["lb/other", "1"],
    ]);
    expect(await store.list("l")).toEqual(["B/", "a", "b-c/", "b/"]);
    expect(await store.list("none")).toEqual([]);
    await store.removeFolder("l/b-c");
    await store.removeFolder("l/none");
    expect(await store.list("l")).toEqual(["B/", "a", "b/"]);
  });

  test("bodies, whole and in part", async () => {
    await store.write([["body", "0123456789"]]);
    expect(await all("body", 10)).toBe("0123456789");
    expect(await all("body", 10, { start: 3, end: 5 })).toBe("34");
  });

  test("an upload grows, is read, and is published", async () => {
    await store.createUpload("u/1");
    expect(await store.uploadSize("u/1")).toBe(0);
    const seen: string[] = [];
    const tap = (piece: Uint8Array) => seen.push(text(piece)!);
    expect(await store.appendUpload("u/1", 0, pieces("one ", "two "), tap)).toBe(8);
    expect(await store.appendUpload("u/1", 8, pieces("three"), tap)).toBe(13);
    expect(seen.join("")).toBe("one two three");
    expect(await store.uploadSize("u/1")).toBe(13);
    expect(Math.abs((await store.uploadModified("u/1"))! - Date.now())).toBeLessThan(60_000);
    expect(await new Response(await store.readUpload("u/1")).text()).toBe("one two three");
    await store.publishUpload("u/1", "blobs/1/data");
    expect(text(await store.read("blobs/1/data"))).toBe("one two three");
    expect(await store.uploadSize("u/1")).toBeUndefined();
  });

  test("what came before a stream failed stays", async () => {
    await store.createUpload("u/2");
    async function* failing() {
      yield bytesOf("first");
      throw new Error("cut");
    }
    await expect(store.appendUpload("u/2", 0, failing(), () => {})).rejects.toThrow("cut");
    expect(await store.uploadSize("u/2")).toBe(5);
    await store.appendUpload("u/2", 5, pieces(" second"), () => {});
    await store.publishUpload("u/2", "blobs/2/data");
    expect(text(await store.read("blobs/2/data"))).toBe("first second");
  });

  test("a large upload in uneven pieces; an empty one; one that is there already; one that is given up", async () => {
    const large = new Uint8Array(40_000_000);
    for (let at = 0; at < large.length; at += 1000) large[at] = at % 251;
    await store.createUpload("u/3");
    await store.appendUpload(
      "u/3",
      0,
      pieces(large.subarray(0, 1_000_001), large.subarray(1_000_001, 20_000_000)),
      () => {},
    );
    await store.appendUpload("u/3", 20_000_000, pieces(large.subarray(20_000_000)), () => {});
    await store.publishUpload("u/3", "blobs/3/data");
    expect((await store.stat("blobs/3/data"))!.size).toBe(large.length);
    const hash = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    const back = await new Response(await store.body("blobs/3/data", large.length)).bytes();
    expect(hash(back)).toBe(hash(large));
    await store.createUpload("u/4");
    await store.publishUpload("u/4", "blobs/4/data");
    expect((await store.stat("blobs/4/data"))!.size).toBe(0);
    await store.createUpload("u/5");
    await store.appendUpload("u/5", 0, pieces("again"), () => {});
    await store.publishUpload("u/5", "blobs/5/data");
    await store.createUpload("u/6");
    await store.appendUpload("u/6", 0, pieces("again"), () => {});
    await store.publishUpload("u/6", "blobs/5/data");
    expect(text(await store.read("blobs/5/data"))).toBe("again");
    await store.createUpload("u/7");
    await store.appendUpload("u/7", 0, pieces("x"), () => {});
    await store.removeUpload("u/7");
    expect(await store.uploadSize("u/7")).toBeUndefined();
    await store.check();
  });
}
