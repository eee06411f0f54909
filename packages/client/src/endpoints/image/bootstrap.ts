import type { Client } from "../../client.ts";
import type { Response } from "../../http/response.ts";

/**
 * POST /berth/images/bootstrap?name=…: makes an image from the host's own distribution packages, with no registry.
 * @returns progress, one JSON value a line.
 */
export function imageBootstrap(
  client: Client,
  name: string,
  options: { signal?: AbortSignal } = {},
): Promise<Response> {
  return client.request({
    method: "POST",
    path: "/berth/images/bootstrap",
    query: { name },
    unversioned: true,
    signal: options.signal,
  });
}
