export type Compression = "none" | "gzip" | "bzip2" | "xz" | "zstd";

const MAGIC: readonly [Compression, readonly number[]][] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];

/** First bytes that `detectCompression` wants to see, if there are so many. */
export const DETECTION_BYTES = 10;

/** What a stream is compressed with, by its first bytes. */
export function detectCompression(head: Uint8Array): Compression {
  for (const [kind, magic] of MAGIC) {
    if (magic.every((byte, i) => head[i] === byte)) return kind;
  }
  return isSkippableFrame(head) ? "zstd" : "none";
}

/** A zstd stream may begin with a frame that is no data (RFC 8878, 3.1.2): magic 184D2A50..5F and a length. */
function isSkippableFrame(head: Uint8Array): boolean {
  return (
    head.length >= 8 &&
    ((head[0] as number) & 0xf0) === 0x50 &&
    head[1] === 0x2a &&
    head[2] === 0x4d &&
    head[3] === 0x18
  );
}
