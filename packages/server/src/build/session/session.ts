import type { Duplex } from "node:stream";
import { GrpcClient } from "@berth/api/grpc";
import { unavailable } from "@berth/base";

/** How long a build waits for the session that it names: the client opens it beside its request. */
const APPEARS_WITHIN_MS = 5_000;

export interface SessionFacts {
  id: string;
  name: string;
  /** The same for the same folder of the same client; empty: unknown. */
  sharedKey: string;
  /** What the client offers: `/moby.filesync.v1.FileSync/DiffCopy`. */
  methods: readonly string[];
}

/** A client that offers its files, secrets, keys and credentials to builds; we are the one who calls. */
export class Session {
  readonly id: string;
  readonly sharedKey: string;
  readonly calls: GrpcClient;
  readonly #methods: ReadonlySet<string>;

  constructor(facts: SessionFacts, connection: Duplex) {
    this.id = facts.id;
    this.sharedKey = facts.sharedKey;
    this.#methods = new Set(facts.methods.map((method) => method.toLowerCase()));
    this.calls = new GrpcClient(connection);
  }

  supports(method: string): boolean {
    return this.#methods.has(method.toLowerCase());
  }
}

/** The sessions that are open now. */
export class Sessions {
  readonly #open = new Map<string, Session>();
  readonly #waiting = new Map<string, Set<(session: Session) => void>>();

  /** Resolves when the connection ended. */
  async serve(facts: SessionFacts, connection: Duplex): Promise<void> {
    const session = new Session(facts, connection);
    this.#open.set(facts.id, session);
    for (const resolve of this.#waiting.get(facts.id) ?? []) resolve(session);
    this.#waiting.delete(facts.id);
    await session.calls.closed;
    if (this.#open.get(facts.id) === session) this.#open.delete(facts.id);
    session.calls[Symbol.dispose]();
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }

  /** @throws unavailable when it does not appear soon. */
  async find(id: string, signal: AbortSignal): Promise<Session> {
    const found = this.#open.get(id);
    if (found?.calls.alive) return found;
    const { promise, resolve, reject } = Promise.withResolvers<Session>();
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(resolve));
    const timer = setTimeout(
      () => reject(unavailable(`no active session for ${id}: context deadline exceeded`)),
      APPEARS_WITHIN_MS,
    );
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      waiting.delete(resolve);
      if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
    }
  }
}
