import type { Client } from "../../client.ts";
import type { RequestBody } from "../../http/exchange.ts";
import type { Response } from "../../http/response.ts";

/** POST /images/load. @returns progress, one JSON value a line (`jsonLines`). `platforms`: JSON of OCI platforms. */
export function imageLoad(
  client: Client,
  tar: RequestBody,
  options: { quiet?: boolean; platforms?: readonly string[]; signal?: AbortSignal } = {},
): Promise<Response> {
  return client.request({
    method: "POST",
    path: "/images/load",
    query: { platform: options.platforms, quiet: options.quiet ? 1 : 0 },
    headers: { "Content-Type": "application/x-tar" },
    body: tar,
    signal: options.signal,
  });
}
