import { type Client, escapeName } from "../../client.ts";

/** POST /containers/{name}/unpause */
export function containerUnpause(
  client: Client,
  name: string,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/containers/${escapeName(name)}/unpause`,
    signal: options.signal,
  });
}
