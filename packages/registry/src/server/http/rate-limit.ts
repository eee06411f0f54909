import { RegistryError } from "../errors.ts";

export interface Rate {
  /** Requests a second that a client may make over time. */
  perSecond: number;
  /** Requests that it may make at once. */
  burst: number;
}

/** Clients remembered; with more, the buckets that are full again are forgotten. */
const MOST_CLIENTS = 100_000;

/** A token bucket for each client. */
export class RateLimiter {
  rate: Rate | undefined;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(rate: Rate | undefined) {
    this.rate = rate;
  }

  /** @param now milliseconds. @throws TOOMANYREQUESTS with `Retry-After`. */
  take(client: string, now = performance.now()): void {
    const { rate } = this;
    if (rate === undefined) return;
    let bucket = this.#buckets.get(client);
    if (bucket === undefined) {
      if (this.#buckets.size >= MOST_CLIENTS) this.#forget(now, rate);
      bucket = { tokens: rate.burst, at: now };
      this.#buckets.set(client, bucket);
    }
    bucket.tokens = Math.min(rate.burst, bucket.tokens + ((now - bucket.at) / 1000) * rate.perSecond);
    bucket.at = now;
    if (bucket.tokens >= 1) {
      bucket.tokens--;
      return;
    }
    const seconds = Math.max(1, Math.ceil((1 - bucket.tokens) / rate.perSecond));
    throw new RegistryError("TOOMANYREQUESTS", { headers: { "Retry-After": String(seconds) } });
  }

  #forget(now: number, { perSecond, burst }: Rate): void {
    for (const [client, { tokens, at }] of this.#buckets)
      if (tokens + ((now - at) / 1000) * perSecond >= burst) this.#buckets.delete(client);
    if (this.#buckets.size >= MOST_CLIENTS) this.#buckets.clear();
  }
}
