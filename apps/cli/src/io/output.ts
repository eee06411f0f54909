import { OutputClosed } from "../errors.ts";

/**
 * stdout or stderr. Written with `Bun.write`: process.stdout would cost 17 ms to load. Writes are in order, and each
 * resolves when the bytes are with the reader's side of the pipe, which is how a slow reader slows us down.
 */
export interface Output {
  readonly fd: number;
  write(data: string | Uint8Array): Promise<void>;
}

class FileOutput implements Output {
  readonly fd: number;
  readonly #file: Bun.BunFile;
  #last: Promise<unknown> = Promise.resolve();

  constructor(fd: number) {
    this.fd = fd;
    this.#file = fd === 1 ? Bun.stdout : Bun.stderr;
  }

  async write(data: string | Uint8Array): Promise<void> {
    if (data.length === 0) return;
    const before = this.#last;
    const mine = (async () => {
      await before;
      await Bun.write(this.#file, data);
    })();
    this.#last = mine.catch(() => {});
    try {
      await mine;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EPIPE") throw new OutputClosed();
      throw error;
    }
  }
}

export function standardOutput(fd: 1 | 2): Output {
  return new FileOutput(fd);
}
