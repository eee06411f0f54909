import type { TarEntry } from "../tar/entry.ts";
import { TarReader } from "../tar/reader.ts";

export interface Collected extends TarEntry {
  /** The content with its holes filled. */
  content: Uint8Array;
}

/** Reads a whole archive, fed in pieces of `pieces` bytes in turn. */
export function collect(archive: Uint8Array, pieces: readonly number[] = [1 << 20]): Collected[] {
  const members: Collected[] = [];
  let current: Collected | undefined;
  const reader = new TarReader({
    entry(entry) {
      if (current !== undefined) throw new Error("a member began within another");
      if (entry.size > 1 << 26) throw new Error("too large for this test");
      current = { ...entry, content: new Uint8Array(entry.size) };
    },
    data(bytes, position) {
      current!.content.set(bytes, position);
    },
    end() {
      members.push(current!);
      current = undefined;
    },
  });
  for (let at = 0, turn = 0; at < archive.length; turn++) {
    const size = pieces[turn % pieces.length]!;
    reader.push(archive.subarray(at, at + size));
    at += size;
  }
  reader.finish();
  if (current !== undefined) throw new Error("a member did not end");
  return members;
}

/** A small random generator with a seed, so that a failure can be repeated. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}
