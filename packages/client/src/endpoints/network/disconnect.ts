import type { NetworkDisconnectRequest } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";

/** POST /networks/{name}/disconnect */
export function networkDisconnect(
  client: Client,
  network: string,
  request: NetworkDisconnectRequest,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/networks/${escapeName(network)}/disconnect`,
    json: request,
    signal: options.signal,
  });
}
