import type { Digest } from "@berth/base";
import type { Lease } from "./content.ts";

/** Which blobs must stay, counted, because two holders may hold the same one. */
export class Leases {
  readonly #counts = new Map<Digest, number>();

  holds(digest: Digest): boolean {
    return this.#counts.has(digest);
  }

  take(): Lease {
    const held = new Set<Digest>();
    const counts = this.#counts;
    let open = true;
    return {
      hold(digest) {
        if (!open) throw new Error("the lease is over");
        if (held.has(digest)) return;
        held.add(digest);
        counts.set(digest, (counts.get(digest) ?? 0) + 1);
      },
      [Symbol.dispose]() {
        open = false;
        for (const digest of held) {
          const count = counts.get(digest)! - 1;
          if (count === 0) counts.delete(digest);
          else counts.set(digest, count);
        }
        held.clear();
      },
    };
  }
}
