import { type Client, escapeName } from "../../client.ts";

/** DELETE /volumes/{name} */
export function volumeRemove(
  client: Client,
  name: string,
  options: { force?: boolean; signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "DELETE",
    path: `/volumes/${escapeName(name)}`,
    query: options.force ? { force: true } : {},
    signal: options.signal,
  });
}
