import { type Client, escapeName } from "../../client.ts";

/** POST /containers/{name}/start. Starting a running container succeeds. */
export function containerStart(
  client: Client,
  name: string,
  options: { detachKeys?: string; signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/containers/${escapeName(name)}/start`,
    query: options.detachKeys ? { detachKeys: options.detachKeys } : {},
    signal: options.signal,
  });
}
