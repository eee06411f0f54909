import type { Transform } from "node:stream";
import { type BerthError, messageOf, systemError } from "@berth/base";
import { lazyNode } from "../lazy-node.ts";
import type { Bytes } from "./bytes.ts";
import { type Compression, DETECTION_BYTES, detectCompression } from "./detect.ts";
import { externalDecompress } from "./external.ts";
import { ZstdFrames } from "./zstd-frames.ts";

const CHUNK = 256 * 1024;
/** Pieces that are made ready while the consumer works; inflating runs in a thread of its own. */
const AHEAD = 4;

/** Splits a source into its compression, by the first bytes, and a source that begins with these bytes again. */
export async function detectStream(
  source: Bytes,
): Promise<{ compression: Compression; source: AsyncIterable<Uint8Array> }> {
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  const head: Uint8Array[] = [];
  let length = 0;
  while (length < DETECTION_BYTES) {
    const next = await iterator.next();
    if (next.done) break;
    // A copy: the source may use its buffer again.
    head.push(length + next.value.length < DETECTION_BYTES ? next.value.slice() : next.value);
    length += next.value.length;
  }
  const first = head.length === 1 ? (head[0] as Uint8Array) : Buffer.concat(head);
  async function* again(): AsyncGenerator<Uint8Array> {
    try {
      if (first.length > 0) yield first;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { compression: detectCompression(first), source: again() };
}

/**
 * The content of a compressed stream. gzip (also of several members) and zstd (of several frames) are handled here, bzip2
 * and xz by their programs. A piece is valid until the next one is asked for.
 * @throws system for damaged input, with the sentences that Go has for it, and when a program is missing.
 */
export function decompress(compression: Compression, source: Bytes): AsyncIterable<Uint8Array> {
  switch (compression) {
    case "none":
      return passOn(source);
    case "gzip":
      return through(lazyNode.zlib.createGunzip({ chunkSize: CHUNK }), source, gzipFailure);
    case "zstd":
      return decompressZstd(source);
    default:
      return externalDecompress(compression, source);
  }
}

/** Compresses. `level`: the format's own scale; default 6 for gzip, 3 for zstd, as the programs have it. */
export function compress(
  compression: "none" | "gzip" | "zstd",
  source: Bytes,
  options: { level?: number } = {},
): AsyncIterable<Uint8Array> {
  if (compression === "none") return passOn(source);
  const stream =
    compression === "gzip"
      ? lazyNode.zlib.createGzip({ chunkSize: CHUNK, level: options.level ?? 6 })
      : lazyNode.zlib.createZstdCompress({
          chunkSize: CHUNK,
          params: {
            [lazyNode.zlib.constants.ZSTD_c_compressionLevel]: options.level ?? 3,
            [lazyNode.zlib.constants.ZSTD_c_checksumFlag]: 1,
          },
        });
  return through(stream, source, (error) => systemError(messageOf(error), { cause: error }));
}

async function* passOn(source: Bytes): AsyncGenerator<Uint8Array> {
  yield* source;
}

async function* decompressZstd(source: Bytes): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  async function* watched(): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      frames.push(piece);
      yield piece;
    }
  }
  yield* through(lazyNode.zlib.createZstdDecompress({ chunkSize: CHUNK }), watched(), zstdFailure);
  if (!frames.complete) throw systemError("unexpected EOF", { hint: "The zstd stream is cut off." });
}

function gzipFailure(error: unknown): BerthError {
  const { code, message } = error as { code?: string; message: string };
  const details = { cause: error, hint: `The gzip stream is damaged: ${message}.` };
  if (code === "Z_BUF_ERROR") return systemError("unexpected EOF", details);
  if (code !== "Z_DATA_ERROR") return systemError(message, details);
  if (/header/.test(message)) return systemError("gzip: invalid header", details);
  if (/data check|length check/.test(message)) return systemError("gzip: invalid checksum", details);
  return systemError("flate: corrupt input", details);
}

function zstdFailure(error: unknown): BerthError {
  const message = messageOf(error);
  return systemError(`zstd: ${message}`, { cause: error, hint: "The zstd stream is damaged." });
}

/** Runs a source through a transforming stream, whose work goes on while the consumer handles what came out. */
async function* through(
  stream: Transform,
  source: Bytes,
  describe: (error: unknown) => BerthError,
): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = [];
  let ended = false;
  let failure: { error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const signal = () => {
    wake?.();
    wake = undefined;
  };
  const fail = (error: unknown) => {
    failure ??= { error };
    signal();
  };
  stream.on("data", (piece: Uint8Array) => {
    ready.push(piece);
    if (ready.length >= AHEAD) stream.pause();
    signal();
  });
  stream.on("end", () => {
    ended = true;
    signal();
  });
  stream.on("error", (error) => fail(describe(error)));

  let stop = false;
  const feed = async () => {
    for await (const piece of source) {
      if (stop || failure !== undefined) return;
      // The stream works on the piece after write() returned: only its callback says that the piece is no longer needed.
      await new Promise<void>((done) => stream.write(piece, () => done()));
    }
    stream.end();
  };
  const feeding = feed().catch(fail);
  try {
    for (;;) {
      const piece = ready.shift();
      if (piece !== undefined) {
        if (ready.length < AHEAD && stream.isPaused()) stream.resume();
        yield piece;
      } else if (failure !== undefined) {
        throw failure.error;
      } else if (ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    stop = true;
    stream.destroy();
    if (ended) await feeding;
  }
}
