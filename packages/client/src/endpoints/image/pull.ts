import type { Client } from "../../client.ts";
import type { Response } from "../../http/response.ts";

export interface ImagePullOptions {
  /** Fully qualified: `docker.io/library/busybox`. */
  image: string;
  /** A tag or a digest; empty: all tags. */
  tag?: string;
  platform?: string;
  /** `X-Registry-Auth`: base64 (URL form) of JSON. */
  auth?: string;
  signal?: AbortSignal;
}

/** POST /images/create?fromImage=… @returns progress, one JSON value a line. */
export function imagePull(client: Client, options: ImagePullOptions): Promise<Response> {
  return client.request({
    method: "POST",
    path: "/images/create",
    query: {
      fromImage: options.image,
      ...(options.platform && { platform: options.platform.toLowerCase() }),
      ...(options.tag && { tag: options.tag }),
    },
    headers: options.auth === undefined ? {} : { "X-Registry-Auth": options.auth },
    signal: options.signal,
  });
}
