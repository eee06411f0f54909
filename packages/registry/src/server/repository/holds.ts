import type { ContentDigest } from "../names.ts";

/**
 * Keeps content from the garbage collector while a request relies on it. In memory, for this process; what a client relies on
 * between its requests is kept by the grace time of the links that each request touches.
 */
export class Holds {
  readonly #held = new Map<ContentDigest, number>();
  readonly #deleting = new Map<ContentDigest, Promise<void>>();

  /** Resolves when none of the digests is being deleted; from then on none will be until the hold is disposed. */
  async hold(digests: readonly ContentDigest[]): Promise<Disposable> {
    for (;;) {
      const busy = digests.map((each) => this.#deleting.get(each)).find((each) => each !== undefined);
      if (busy === undefined) break;
      await busy;
    }
    for (const each of digests) this.#held.set(each, (this.#held.get(each) ?? 0) + 1);
    let disposed = false;
    return {
      [Symbol.dispose]: () => {
        if (disposed) return;
        disposed = true;
        for (const each of digests) {
          const count = this.#held.get(each)! - 1;
          if (count === 0) this.#held.delete(each);
          else this.#held.set(each, count);
        }
      },
    };
  }

  /** Runs `action` when nobody holds the digest; holders wait for its end. @returns undefined when it is held. */
  async whileFree<T>(digest: ContentDigest, action: () => Promise<T>): Promise<T | undefined> {
    if (this.#held.has(digest) || this.#deleting.has(digest)) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#deleting.set(digest, promise);
    try {
      return await action();
    } finally {
      this.#deleting.delete(digest);
      resolve();
    }
  }
}
