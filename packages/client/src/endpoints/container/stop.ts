import { type Client, escapeName } from "../../client.ts";

/** POST /containers/{name}/stop. `timeout` in seconds, negative: for ever. Stopping a stopped container succeeds. */
export function containerStop(
  client: Client,
  name: string,
  options: { signalName?: string; timeout?: number; signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/containers/${escapeName(name)}/stop`,
    query: {
      ...(options.signalName && { signal: options.signalName }),
      ...(options.timeout !== undefined && { t: options.timeout }),
    },
    signal: options.signal,
  });
}
