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

/** Fewer turns between writer and reader. */
export function widenPipe(fd: number): void {
  try {
    fcntl(fd, F.SETPIPE_SZ, BUFFER);
  } catch {
    // No pipe, or beyond what the user may have.
  }
}
