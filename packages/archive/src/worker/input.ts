import { F, fcntl, read } from "@berth/linux";

const BUFFER = 1024 * 1024;

/** What comes on a descriptor. The same buffer is used for all pieces: each is valid until the next one is asked for. */
export function* readDescriptor(fd: number): Generator<Uint8Array> {
  widenPipe(fd);
  const buffer = new Uint8Array(BUFFER);
  for (;;) {
    const count = read(fd, buffer);
    if (count <= 0) return;
    yield buffer.subarray(0, count);
  }
}

/**
 * What is in a file that grows to `size` bytes while it is read; `follow` tells how far it is. Ends early when nobody tells
 * any more. Pieces as of `readDescriptor`.
 */
export function* readGrowing(fd: number, follow: number, size: number): Generator<Uint8Array> {
  const buffer = new Uint8Array(BUFFER);
  let there = 0;
  for (let position = 0; position < size; ) {
    while (there <= position) {
      const told = readNewest(follow);
      if (told === undefined) return;
      there = Math.min(told, size);
    }
    const count = read(fd, buffer.subarray(0, Math.min(BUFFER, there - position)));
    if (count <= 0) return;
    position += count;
    yield buffer.subarray(0, count);
  }
}

/** Waits until the other side of `follow` is closed. */
export function awaitEnd(follow: number): void {
  while (readNewest(follow) !== undefined);
}

/** The last of the numbers that have come; undefined at the end. */
function readNewest(follow: number): number | undefined {
  // A pipe takes and gives eight bytes at once or not at all.
  const bytes = new Uint8Array(4096);
  const count = read(follow, bytes);
  if (count < 8) return undefined;
  return Number(new DataView(bytes.buffer).getBigUint64(count - (count % 8) - 8, true));
}

/** Fewer turns between writer and reader. */
export function widenPipe(fd: number): void {
  try {
    fcntl(fd, F.SETPIPE_SZ, BUFFER);
  } catch {
    // No pipe, or beyond what the user may have.
  }
}
