import type { NetworkConnectRequest } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";
import type { Body } from "../body.ts";

/** POST /networks/{name}/connect */
export function networkConnect(
  client: Client,
  network: string,
  request: Body<NetworkConnectRequest>,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/networks/${escapeName(network)}/connect`,
    json: request,
    signal: options.signal,
  });
}
