/**
 * Asynchronous mutual exclusion, first come first served:
 *
 *   using _held = await mutex.lock();
 *
 * Uncontended locking costs no timer and no task, only the await.
 */
export class Mutex {
  #tail: Promise<void> | undefined;

  async lock(): Promise<Disposable> {
    const before = this.#tail;
    const mine = Promise.withResolvers<void>();
    this.#tail = mine.promise;
    if (before !== undefined) await before;
    return {
      [Symbol.dispose]: () => {
        if (this.#tail === mine.promise) this.#tail = undefined;
        mine.resolve();
      },
    };
  }
}
