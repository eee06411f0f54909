import { type Client, escapeName } from "../../client.ts";

/** DELETE /networks/{name} */
export function networkRemove(
  client: Client,
  name: string,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "DELETE",
    path: `/networks/${escapeName(name)}`,
    signal: options.signal,
  });
}
