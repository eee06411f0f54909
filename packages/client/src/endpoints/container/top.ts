import type { ContainerTopResponse } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";

/** GET /containers/{name}/top. `psArguments` empty: the daemon's default. */
export function containerTop(
  client: Client,
  name: string,
  psArguments: readonly string[] = [],
  options: { signal?: AbortSignal } = {},
): Promise<ContainerTopResponse> {
  return client.json({
    method: "GET",
    path: `/containers/${escapeName(name)}/top`,
    query: psArguments.length === 0 ? {} : { ps_args: psArguments.join(" ") },
    signal: options.signal,
  });
}
