import { type Client, escapeName } from "../../client.ts";
import type { Response } from "../../http/response.ts";

/** GET /containers/{name}/export: the file system as a tar. */
export function containerExport(
  client: Client,
  name: string,
  options: { signal?: AbortSignal } = {},
): Promise<Response> {
  return client.request({
    method: "GET",
    path: `/containers/${escapeName(name)}/export`,
    signal: options.signal,
  });
}
