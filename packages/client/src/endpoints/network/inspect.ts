import type { NetworkInspect } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";

export interface NetworkInspectOptions {
  verbose?: boolean;
  scope?: string;
  signal?: AbortSignal;
}

/** GET /networks/{name} */
export async function networkInspect(
  client: Client,
  name: string,
  options: NetworkInspectOptions = {},
): Promise<NetworkInspect> {
  return JSON.parse(await networkInspectText(client, name, options)) as NetworkInspect;
}

/** The same, as the daemon wrote it: numbers beyond 2^53 keep their digits. */
export async function networkInspectText(
  client: Client,
  name: string,
  options: NetworkInspectOptions = {},
): Promise<string> {
  const response = await client.request({
    method: "GET",
    path: `/networks/${escapeName(name)}`,
    query: {
      ...(options.scope && { scope: options.scope }),
      ...(options.verbose && { verbose: "true" }),
    },
    signal: options.signal,
  });
  return response.text();
}
