import { type Client, escapeName } from "../../client.ts";

/** POST /containers/{name}/kill */
export function containerKill(
  client: Client,
  name: string,
  options: { signalName?: string; signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/containers/${escapeName(name)}/kill`,
    query: options.signalName === undefined ? {} : { signal: options.signalName },
    signal: options.signal,
  });
}
