import type { EventMessage, EventType, Filters } from "@berth/api";
import { nowNanoseconds } from "@berth/base";
import { eventMatches } from "./event-filter.ts";

export interface EventsOptions {
  /** Nanoseconds since 1970. Past events are replayed from here. */
  since?: bigint;
  /** The stream ends when this moment has come. */
  until?: bigint;
  filters: Filters;
}

/** Past events kept for `since`, as many as Docker keeps. */
const KEPT = 256;
/** A listener that reads slower than events come loses its stream rather than the daemon its memory. */
const QUEUE_LIMIT = 10_000;

/** What happened, for GET /events. Only in memory, as with Docker. */
export class EventLog {
  readonly #kept: EventMessage[] = [];
  readonly #listeners = new Set<(event: EventMessage) => void>();
  #last = 0n;

  /** `id`: of the container, image, volume or network; `attributes`: as Docker's. */
  publish(type: EventType, action: string, id: string, attributes: Record<string, string>): void {
    // Strictly rising, so that order survives a sort by time.
    const now = nowNanoseconds();
    this.#last = now > this.#last ? now : this.#last + 1n;
    const event: EventMessage = {
      Type: type,
      Action: action,
      Actor: { ID: id, Attributes: attributes },
      scope: "local",
      time: Number(this.#last / 1_000_000_000n),
      timeNano: this.#last,
    };
    if (type === "container" || type === "image") {
      event.status = action;
      // What prunes many things has none.
      if (id !== "") event.id = id;
      if (type === "container" && attributes.image !== undefined) event.from = attributes.image;
    }
    this.#kept.push(event);
    if (this.#kept.length > KEPT) this.#kept.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** Calls `listener` for each event that comes, at once. @returns what ends that. */
  listen(listener: (event: EventMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Subscribed when it returns: no later event is missed. Ends at `until`, or soon after `signal` fired. */
  subscribe(options: EventsOptions, signal: AbortSignal): AsyncIterable<EventMessage> {
    const { since, until, filters } = options;
    const now = nowNanoseconds();
    const queue: EventMessage[] = [];
    if (since !== undefined || until !== undefined) {
      for (const event of this.#kept) {
        if (since !== undefined && event.timeNano < since) continue;
        if (until !== undefined && event.timeNano > until) continue;
        if (eventMatches(event, filters)) queue.push(event);
      }
    }
    let over = signal.aborted || (until !== undefined && until <= now);
    let wake: (() => void) | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const close = () => {
      over = true;
      this.#listeners.delete(listener);
      signal.removeEventListener("abort", close);
      clearTimeout(timer);
      wake?.();
    };
    const listener = (event: EventMessage) => {
      if (until !== undefined && event.timeNano > until) return close();
      if (!eventMatches(event, filters)) return undefined;
      if (queue.length >= QUEUE_LIMIT) return close();
      queue.push(event);
      wake?.();
      return undefined;
    };
    if (!over) {
      this.#listeners.add(listener);
      signal.addEventListener("abort", close);
      if (until !== undefined) {
        const wait = Number((until - now) / 1_000_000n);
        // setTimeout takes 31 bits of milliseconds; a later end is met by an event or never.
        if (wait < 2 ** 31) timer = setTimeout(close, wait);
      }
    }
    return {
      [Symbol.asyncIterator]: () => ({
        async next() {
          while (queue.length === 0 && !over) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          wake = undefined;
          const event = signal.aborted ? undefined : queue.shift();
          return event === undefined ? { value: undefined, done: true } : { value: event, done: false };
        },
        async return() {
          close();
          return { value: undefined, done: true };
        },
      }),
    };
  }
}
