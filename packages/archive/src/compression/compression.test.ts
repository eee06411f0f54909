import { describe, expect, setDefaultTimeout, test } from "bun:test";
import zlib from "node:zlib";
import { BerthError } from "@berth/base";
import { random } from "../testing/collect.ts";
import { type Compression, compress, decompress, detectCompression, detectStream } from "./index.ts";

// The machine may be busy.
setDefaultTimeout(60_000);

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const piece of source) parts.push(Buffer.from(piece));
  return Buffer.concat(parts);
}

function* inPieces(data: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  // One buffer for all pieces: nobody may keep one.
  const buffer = new Uint8Array(Math.max(...sizes));
  for (let at = 0, turn = 0; at < data.length; turn++) {
    const piece = data.subarray(at, at + sizes[turn % sizes.length]!);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
    at += piece.length;
    buffer.fill(0, 0, 0);
  }
}

function sample(size: number, seed = 7): Buffer {
  const next = random(seed);
  return Buffer.from(Array.from({ length: size }, () => (next(5) === 0 ? next(256) : 65)));
}

const data = sample(700_000);
const byProgram = (program: string[]) => Bun.spawnSync(program, { stdin: data }).stdout;
const packed: Record<Exclude<Compression, "none">, () => Uint8Array> = {
  gzip: () => zlib.gzipSync(data),
  zstd: () => zlib.zstdCompressSync(data),
  bzip2: () => byProgram(["bzip2", "-c"]),
  xz: () => byProgram(["xz", "-c", "-0"]),
};

for (const kind of ["gzip", "zstd", "bzip2", "xz"] as const) {
  describe(kind, () => {
    test("is found out and unpacked, whatever the pieces", async () => {
      const input = packed[kind]();
      expect(detectCompression(input)).toBe(kind);
      for (const sizes of [[1, 3, 50_000], [1 << 20], [4096]]) {
        const { compression, source } = await detectStream(inPieces(input, sizes));
        expect(compression).toBe(kind);
        expect((await all(decompress(compression, source))).equals(data)).toBe(true);
      }
    });

    test("cut off: an error, never a short result", async () => {
      const input = packed[kind]();
      const next = random(11);
      for (const length of [
        input.length - 1,
        input.length - 4,
        input.length >> 1,
        20,
        next(input.length - 20) + 19,
      ]) {
        const result = all(decompress(kind, inPieces(input.subarray(0, length), [9999])));
        expect(result, `${length} bytes`).rejects.toBeInstanceOf(BerthError);
        await result.catch(() => {});
      }
    });

    test("damaged in the middle: an error", async () => {
      const input = Uint8Array.from(packed[kind]());
      for (let i = 0; i < 40; i++) input[(input.length >> 1) + i]! ^= 0x55;
      const error = await all(decompress(kind, [input])).catch((error) => error);
      expect(error).toBeInstanceOf(BerthError);
      expect(error.kind).toBe("system");
    });

    test("an error of the source comes through", async () => {
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield packed[kind]().subarray(0, 100);
        throw new Error("the line broke");
      }
      expect(await all(decompress(kind, failing())).catch((error) => error.message)).toBe("the line broke");
    });

    test("a consumer that stops early leaves nothing running", async () => {
      for await (const piece of decompress(kind, inPieces(packed[kind](), [10_000]))) {
        expect(piece.length).toBeGreaterThan(0);
        break;
      }
    });
  });
}

test("plain data stays as it is", async () => {
  for (const input of [data, Buffer.alloc(0), Buffer.from("PQ")]) {
    const { compression, source } = await detectStream(inPieces(input, [3, 1000]));
    expect(compression).toBe("none");
    expect((await all(decompress(compression, source))).equals(input)).toBe(true);
  }
});

test("several gzip members and zstd frames, also with a frame that is no data", async () => {
  const gzip = Buffer.concat([zlib.gzipSync(data), zlib.gzipSync(Buffer.alloc(0)), zlib.gzipSync(data)]);
  const skip = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const zstd = Buffer.concat([skip, zlib.zstdCompressSync(data), skip, zlib.zstdCompressSync(data), skip]);
  const twice = Buffer.concat([data, data]);
  for (const [kind, input] of [
    ["gzip", gzip],
    ["zstd", zstd],
  ] as const) {
    expect(detectCompression(input)).toBe(kind);
    for (const sizes of [[1 << 22], [777]]) {
      expect((await all(decompress(kind, inPieces(input, sizes)))).equals(twice)).toBe(true);
    }
  }
});

test("compressing: readable by the programs", async () => {
  for (const kind of ["gzip", "zstd"] as const) {
    const packed = await all(compress(kind, inPieces(data, [100_000, 5])));
    const run = Bun.spawnSync([kind, "-d", "-c"], { stdin: packed });
    expect(run.stdout.equals(data)).toBe(true);
    expect(packed.length).toBeLessThan(data.length);
    const best = await all(compress(kind, [data], { level: 9 }));
    expect(best.length).toBeLessThan(packed.length);
  }
  expect((await all(compress("none", [data]))).equals(data)).toBe(true);
});

test("Docker's sentences", async () => {
  const gzip = zlib.gzipSync(data);
  const message = (input: Uint8Array) => all(decompress("gzip", [input])).catch((error) => error.message);
  expect(await message(gzip.subarray(0, 5000))).toBe("unexpected EOF");
  expect(await message(Buffer.concat([gzip, Buffer.from("garbage")]))).toBe("gzip: invalid header");
  expect(await message(Buffer.concat([gzip.subarray(0, -8), Buffer.alloc(8, 1)]))).toBe(
    "gzip: invalid checksum",
  );
});
