import type { RepositoryName } from "../client.ts";
import { ConnectionError } from "../errors.ts";
import type { EndpointClient } from "../http/endpoint-client.ts";
import { Postponed, retrying } from "../http/retry.ts";

/** What the operations on one repository work with. */
export interface Remote {
  name: RepositoryName;
  /** Mirrors first, the registry itself last. */
  pull: readonly EndpointClient[];
  push: EndpointClient;
  attempts: number;
}

export function scopeOf(path: string, actions: "pull" | "pull,push" | "delete"): string {
  return `repository:${path}:${actions}`;
}

/**
 * Asks the mirrors in turn, then the registry itself, each with repetitions; what the last one says counts.
 * A mirror is not waited for: it is tried once.
 */
export async function fromAny<T>(
  remote: Remote,
  what: string,
  signal: AbortSignal,
  work: (client: EndpointClient) => Promise<T>,
): Promise<T> {
  let failure: unknown;
  for (const client of remote.pull) {
    const isLast = client === remote.pull.at(-1);
    try {
      return await retrying(what, isLast ? remote.attempts : 1, signal, () => work(client));
    } catch (error) {
      if (signal.aborted) throw error;
      failure = error instanceof Postponed ? error.failure : error;
    }
  }
  throw failure ?? new ConnectionError("no host is configured for pulls", "", false);
}
