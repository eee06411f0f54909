import { type Client, escapeName } from "../../client.ts";

/** POST /containers/{name}/restart. `timeout` as for stop. */
export function containerRestart(
  client: Client,
  name: string,
  options: { signalName?: string; timeout?: number; signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/containers/${escapeName(name)}/restart`,
    query: {
      ...(options.signalName && { signal: options.signalName }),
      ...(options.timeout !== undefined && { t: options.timeout }),
    },
    signal: options.signal,
  });
}
