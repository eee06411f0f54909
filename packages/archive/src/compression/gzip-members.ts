import type { Bytes } from "./bytes.ts";

/** Bytes of a member: what is compressed by itself. */
const BLOCK = 1 << 20;
/** libdeflate's fastest: half of the time that zlib takes for level 3, and files as small. */
const LEVEL = 1;

/**
 * gzip of `source` as members (RFC 1952, 2.2) of 1 MiB each, whose sequence every reader takes for one file. The same bytes give
 * the same result, however they came. For a process that has nothing else to do: each member is made in one call.
 */
export async function* gzipMembers(source: Bytes): AsyncGenerator<Uint8Array> {
  const block = new Uint8Array(BLOCK);
  let filled = 0;
  let isEmpty = true;
  const member = () => {
    isEmpty = false;
    const content = block.subarray(0, filled);
    filled = 0;
    return Bun.gzipSync(content, { level: LEVEL, library: "libdeflate" });
  };
  for await (const piece of source) {
    for (let at = 0; at < piece.length; ) {
      const count = Math.min(BLOCK - filled, piece.length - at);
      block.set(piece.subarray(at, at + count), filled);
      filled += count;
      at += count;
      if (filled === BLOCK) yield member();
    }
  }
  if (filled > 0 || isEmpty) yield member();
}
