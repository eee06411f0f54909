import { type Client, escapeName } from "../../client.ts";

/** POST /containers/{name}/rename */
export function containerRename(
  client: Client,
  name: string,
  newName: string,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/containers/${escapeName(name)}/rename`,
    query: { name: newName },
    signal: options.signal,
  });
}
