/** So many at once, first come first served; the number may change while some wait. */
export class Slots {
  readonly #limit: () => number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(limit: () => number) {
    this.#limit = limit;
  }

  get free(): boolean {
    return this.#waiting.length === 0 && this.#taken < Math.max(1, this.#limit());
  }

  /** @throws the signal's reason. */
  async take(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (!this.free) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const leave = () => {
        const at = this.#waiting.indexOf(resolve);
        if (at >= 0) this.#waiting.splice(at, 1);
        resolve();
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(resolve);
      await promise;
      signal.removeEventListener("abort", leave);
      if (signal.aborted) {
        this.#next();
        throw signal.reason;
      }
    }
    this.#taken++;
    let open = true;
    return {
      [Symbol.dispose]: () => {
        if (!open) return;
        open = false;
        this.#taken--;
        this.#next();
      },
    };
  }

  #next(): void {
    if (this.#taken < Math.max(1, this.#limit())) this.#waiting.shift()?.();
  }
}
