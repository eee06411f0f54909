import type { Digest } from "@berth/base";
import type { Lease } from "@berth/content";

/** Blobs and layers of an operation that is under way: nobody collects them before it is disposed. */
export interface Hold extends Disposable {
  readonly lease: Lease;
  layer(chainId: Digest): void;
}

/** Which layers are held. Blobs are held by the content store itself. */
export class Holds {
  readonly #counts = new Map<Digest, number>();
  readonly #takeLease: () => Lease;

  constructor(takeLease: () => Lease) {
    this.#takeLease = takeLease;
  }

  has(chainId: Digest): boolean {
    return this.#counts.has(chainId);
  }

  take(): Hold {
    const lease = this.#takeLease();
    const held: Digest[] = [];
    const counts = this.#counts;
    return {
      lease,
      layer(chainId) {
        held.push(chainId);
        counts.set(chainId, (counts.get(chainId) ?? 0) + 1);
      },
      [Symbol.dispose]() {
        lease[Symbol.dispose]();
        for (const chainId of held.splice(0)) {
          const count = counts.get(chainId)! - 1;
          if (count === 0) counts.delete(chainId);
          else counts.set(chainId, count);
        }
      },
    };
  }
}
