import type { Client } from "../../client.ts";
import type { Response } from "../../http/response.ts";

/** GET /images/get: a tar with all the images. `platforms`: JSON of OCI platforms. */
export function imageSave(
  client: Client,
  names: readonly string[],
  options: { platforms?: readonly string[]; signal?: AbortSignal } = {},
): Promise<Response> {
  return client.request({
    method: "GET",
    path: "/images/get",
    query: { names, platform: options.platforms },
    signal: options.signal,
  });
}
