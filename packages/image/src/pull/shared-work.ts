/** What is told of a work to all who wait for it. */
export type Listener<M> = (message: M) => void;

interface Running<T, M> {
  result: Promise<T>;
  stop: AbortController;
  listeners: Set<Listener<M>>;
  /** What a newcomer is told first. */
  last: M | undefined;
}

/**
 * Work that several may ask for at once is done once. It ends when the last of those who asked went away.
 * Whoever shares work that fails begins it himself: the reason may have been another one's.
 */
export class SharedWork<T, M> {
  readonly #running = new Map<string, Running<T, M>>();

  async run(
    key: string,
    listener: Listener<M>,
    signal: AbortSignal,
    work: (tell: Listener<M>, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      const found = this.#running.get(key);
      if (found !== undefined && !found.stop.signal.aborted) {
        try {
          return await this.#wait(found, listener, signal);
        } catch {
          signal.throwIfAborted();
          if (this.#running.get(key) === found) this.#running.delete(key);
          continue;
        }
      }
      // One that was given up is waited for: it holds what the next one needs.
      if (found !== undefined) await found.result.catch(() => {});
      if (this.#running.has(key)) continue;
      return await this.#wait(this.#start(key, work), listener, signal);
    }
  }

  #start(key: string, work: (tell: Listener<M>, signal: AbortSignal) => Promise<T>): Running<T, M> {
    const stop = new AbortController();
    const listeners = new Set<Listener<M>>();
    const running: Running<T, M> = { result: undefined as never, stop, listeners, last: undefined };
    const tell = (message: M) => {
      running.last = message;
      for (const each of listeners) each(message);
    };
    this.#running.set(key, running);
    running.result = work(tell, stop.signal).finally(() => {
      if (this.#running.get(key) === running) this.#running.delete(key);
    });
    running.result.catch(() => {});
    return running;
  }

  async #wait(running: Running<T, M>, listener: Listener<M>, signal: AbortSignal): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    running.listeners.add(listener);
    if (running.last !== undefined) listener(running.last);
    try {
      return await Promise.race([running.result, promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      running.listeners.delete(listener);
      if (running.listeners.size === 0) {
        running.stop.abort(signal.reason);
        // What was given up cleans up before its caller returns.
        await running.result.catch(() => {});
      }
    }
  }
}
