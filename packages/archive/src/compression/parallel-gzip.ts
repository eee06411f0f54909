import { systemError } from "@berth/base";
import { lazyNode } from "../lazy-node.ts";
import type { Bytes } from "./stream.ts";

/** Bytes that are compressed by themselves; the result does not depend on how they came. */
const BLOCK = 1 << 20;
/** What a block may refer back to. */
const WINDOW = 32 * 1024;
/** Blocks that are compressed at the same time, by threads of the runtime. */
const AT_ONCE = 4;
/** RFC 1952: deflate, no name, no time, unknown system. */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
/** An empty last block of deflate (RFC 1951, fixed codes). */
const LAST = Uint8Array.of(3, 0);

/**
 * One gzip member of `source`, compressed by several threads. The same bytes give the same result. `level` as of zlib; 3
 * takes three quarters of the time of 6 for two percent more bytes.
 */
export async function* parallelGzip(source: Bytes, level = 3): AsyncGenerator<Uint8Array> {
  const running: Promise<Uint8Array>[] = [];
  let block = new Uint8Array(BLOCK);
  let filled = 0;
  let before: Uint8Array | undefined;
  let crc = 0;
  let size = 0;
  const start = () => {
    const piece = filled === BLOCK ? block : block.subarray(0, filled);
    crc = lazyNode.zlib.crc32(piece, crc);
    size += piece.length;
    const work = deflate(piece, before, level);
    // What fails is reported in its turn.
    work.catch(() => {});
    running.push(work);
    before = piece.subarray(Math.max(0, piece.length - WINDOW));
    block = new Uint8Array(BLOCK);
    filled = 0;
  };
  yield HEADER;
  for await (const piece of source) {
    for (let at = 0; at < piece.length; ) {
      const count = Math.min(BLOCK - filled, piece.length - at);
      block.set(piece.subarray(at, at + count), filled);
      filled += count;
      at += count;
      if (filled < BLOCK) continue;
      start();
      if (running.length >= AT_ONCE) yield await running.shift()!;
    }
  }
  if (filled > 0) start();
  for (const each of running) yield await each;
  const end = new Uint8Array(LAST.length + 8);
  end.set(LAST);
  const view = new DataView(end.buffer);
  view.setUint32(LAST.length, crc, true);
  view.setUint32(LAST.length + 4, size % 2 ** 32, true);
  yield end;
}

/** Deflate blocks that end on a byte, and are not the last ones. */
function deflate(piece: Uint8Array, dictionary: Uint8Array | undefined, level: number): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  lazyNode.zlib.deflateRaw(
    piece,
    {
      level,
      finishFlush: lazyNode.zlib.constants.Z_SYNC_FLUSH,
      chunkSize: BLOCK,
      ...(dictionary !== undefined && { dictionary: Buffer.from(dictionary) }),
    },
    (error, result) => {
      if (error === null) resolve(result);
      else reject(systemError(`cannot compress: ${error.message}`, { cause: error }));
    },
  );
  return promise;
}
