/** Random changes to inputs, the same for the same seed. */

/** mulberry32: 32 bits of state, good enough to choose mutations. Numbers are in [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

/** Bytes that parsers stumble over. */
const INTERESTING = [0, 1, 0x20, 0x22, 0x2f, 0x30, 0x39, 0x3a, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0xc0, 0xff];
const MOST_BYTES = 64 * 1024;

/** A copy of `input` with one to eight changes: bits, bytes, runs removed, doubled, swapped in from `other`, cut off. */
export function mutate(input: Uint8Array, other: Uint8Array, random: () => number): Uint8Array {
  let bytes = Buffer.from(input);
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let changes = 1 + below(8); changes > 0; changes--) {
    const at = below(bytes.length + 1);
    const length = 1 + below(random() < 0.8 ? 8 : 512);
    const change = below(8);
    if (bytes.length === 0 || change === 0) {
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(Array.from({ length }, () => below(256))),
        bytes.subarray(at),
      ]);
    } else if (change === 1) bytes[at % bytes.length]! ^= 1 << below(8);
    else if (change === 2) bytes[at % bytes.length] = INTERESTING[below(INTERESTING.length)]!;
    else if (change === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    else if (change === 4)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at)]);
    else if (change === 5) {
      const from = below(other.length + 1);
      bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + length), bytes.subarray(at)]);
    } else if (change === 6)
      bytes.fill(INTERESTING[below(INTERESTING.length)]!, at, Math.min(bytes.length, at + length));
    else bytes = bytes.subarray(0, at);
  }
  return bytes.subarray(0, MOST_BYTES);
}
