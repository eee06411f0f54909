/** Bytes that are gathered and taken out together; the memory is used again. */
export class GrowingBuffer {
  #bytes: Uint8Array;
  #used = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }

  get length(): number {
    return this.#used;
  }

  append(bytes: Uint8Array): void {
    this.#ensure(bytes.length);
    this.#bytes.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  zeros(count: number): void {
    this.#ensure(count);
    this.#bytes.fill(0, this.#used, this.#used + count);
    this.#used += count;
  }

  /** Lets `write` put up to `count` bytes at a place; it tells how many they were. */
  fill(count: number, write: (buffer: Uint8Array, at: number) => number): number {
    this.#ensure(count);
    const written = write(this.#bytes, this.#used);
    this.#used += written;
    return written;
  }

  /** What was gathered; valid until something is added again. */
  take(): Uint8Array {
    const ready = this.#bytes.subarray(0, this.#used);
    this.#used = 0;
    return ready;
  }

  #ensure(more: number): void {
    if (this.#used + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + more));
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }
}
