import type { Connection, Dial } from "../transport/connection.ts";

const MOST_IDLE = 4;

/** Connections that wait for another request. */
export class ConnectionPool {
  readonly #dial: Dial;
  readonly #idle: Connection[] = [];
  #closed = false;

  constructor(dial: Dial) {
    this.#dial = dial;
  }

  /** `used`: it carried a request before, so the daemon may be about to close it. */
  async take(signal?: AbortSignal): Promise<{ connection: Connection; used: boolean }> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.ended) return { connection: idle, used: true };
      idle.destroy();
    }
    return { connection: await this.#dial(signal), used: false };
  }

  give(connection: Connection): void {
    if (this.#closed || connection.ended || this.#idle.length >= MOST_IDLE) connection.destroy();
    else this.#idle.push(connection);
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }
}
