import type { ProgressMessage } from "@berth/api";

const WIDTH = 50;
const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `1.234kB`: decimal, four significant digits, as Docker shows sizes. */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(4))}${UNITS[unit]}`;
}

/** A line of progress; `progress` is for old clients, which do not draw the bar themselves. */
export function progressMessage(id: string, status: string, current: number, total: number): ProgressMessage {
  const done = total > 0 ? Math.min(WIDTH, Math.floor((current / total) * WIDTH)) : 0;
  const bar =
    done < WIDTH
      ? `${"=".repeat(done)}>${" ".repeat(Math.max(0, WIDTH - done - 1))}`
      : "=".repeat(WIDTH).replace(/=$/, ">");
  const numbers = `${humanSize(current).padStart(8)}${total > 0 ? `/${humanSize(total)}` : ""}`;
  return {
    status,
    progressDetail: { current, ...(total > 0 && { total }) },
    progress: total > 0 ? `[${bar}] ${numbers}` : numbers,
    id,
  };
}

/** Carries messages from an operation to an iterator that a client reads; the operation does not wait for the reader. */
export class MessageChannel<T> {
  readonly #queue: T[] = [];
  #wake: (() => void) | undefined;

  readonly send = (message: T): void => {
    this.#queue.push(message);
    this.#wake?.();
  };

  /** Yields what `work` sends, until it is done. @throws what `work` throws, after what it sent. */
  async *while(work: Promise<unknown>): AsyncGenerator<T> {
    let state: "running" | "done" | "failed" = "running";
    let failure: unknown;
    const settled = work.then(
      () => {
        state = "done";
        this.#wake?.();
      },
      (error: unknown) => {
        state = "failed";
        failure = error;
        this.#wake?.();
      },
    );
    try {
      for (;;) {
        while (this.#queue.length > 0) yield this.#queue.shift()!;
        if (state !== "running") break;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      if (state === "failed") throw failure;
    } finally {
      // A reader that leaves early does not leave the work behind.
      await settled;
    }
  }
}
