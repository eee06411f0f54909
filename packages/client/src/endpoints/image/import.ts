import type { Client } from "../../client.ts";
import type { RequestBody } from "../../http/exchange.ts";
import type { Response } from "../../http/response.ts";

export interface ImageImportOptions {
  /** `-` with a body, or a URL that the daemon fetches. */
  source: string;
  repository?: string;
  tag?: string;
  message?: string;
  /** Dockerfile instructions. */
  changes?: readonly string[];
  platform?: string;
  body?: RequestBody;
  signal?: AbortSignal;
}

/** POST /images/create?fromSrc=…: an image from a tar of a file system. @returns progress, one JSON value a line. */
export function imageImport(client: Client, options: ImageImportOptions): Promise<Response> {
  return client.request({
    method: "POST",
    path: "/images/create",
    query: {
      changes: options.changes,
      fromSrc: options.source,
      ...(options.message && { message: options.message }),
      ...(options.platform && { platform: options.platform.toLowerCase() }),
      ...(options.repository && { repo: options.repository }),
      ...(options.tag && { tag: options.tag }),
    },
    ...(options.body !== undefined && { body: options.body }),
    signal: options.signal,
  });
}
