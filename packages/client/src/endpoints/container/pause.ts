import { type Client, escapeName } from "../../client.ts";

/** POST /containers/{name}/pause */
export function containerPause(
  client: Client,
  name: string,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/containers/${escapeName(name)}/pause`,
    signal: options.signal,
  });
}
