import { log, messageOf } from "@berth/base";
import type { RepositoryName } from "../client.ts";
import { ConnectionError } from "../errors.ts";
import type { EndpointClient } from "../http/endpoint-client.ts";
import { retrying } from "../http/retry.ts";

/** What the operations on one repository work with. */
export interface Remote {
  name: RepositoryName;
  /** Mirrors first, the registry itself last. */
  pull: readonly EndpointClient[];
  push: EndpointClient;
  attempts: number;
  /** Mirrors that could not be reached: not asked again for this repository, because each would be waited for each time. */
  unreachable: Set<EndpointClient>;
}

export function scopeOf(path: string, actions: "pull" | "pull,push" | "delete"): string {
  return `repository:${path}:${actions}`;
}

/**
 * Asks the mirrors in turn, then the registry itself, each with repetitions; what the last one says counts.
 * A mirror is not waited for: it is tried once. `once`: the registry too, and its wish to be left alone is thrown as it is.
 */
export async function fromAny<T>(
  remote: Remote,
  what: string,
  signal: AbortSignal,
  work: (client: EndpointClient) => Promise<T>,
  once = false,
): Promise<T> {
  let failure: unknown;
  for (const client of remote.pull) {
    const isLast = client === remote.pull.at(-1);
    if (!isLast && remote.unreachable.has(client)) continue;
    try {
      if (isLast && once) return await work(client);
      return await retrying(what, isLast ? remote.attempts : 1, signal, () => work(client));
    } catch (error) {
      if (signal.aborted) throw error;
      if (!isLast && error instanceof ConnectionError) {
        remote.unreachable.add(client);
        log.warn("a mirror cannot be reached", { host: client.endpoint.host, error: messageOf(error) });
      }
      failure = error;
    }
  }
  throw failure ?? new ConnectionError("no host is configured for pulls", "", false);
}
