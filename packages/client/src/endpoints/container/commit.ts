import type { ContainerConfig, IdResponse } from "@berth/api";
import type { Client } from "../../client.ts";
import type { Body } from "../body.ts";

export interface ContainerCommitOptions {
  repository?: string;
  tag?: string;
  comment?: string;
  author?: string;
  /** Dockerfile instructions. */
  changes?: readonly string[];
  /** Stop the processes meanwhile (default true). */
  pause?: boolean;
  config?: Body<ContainerConfig>;
  signal?: AbortSignal;
}

/** POST /commit: an image from a container. */
export function containerCommit(
  client: Client,
  name: string,
  options: ContainerCommitOptions = {},
): Promise<IdResponse> {
  return client.json({
    method: "POST",
    path: "/commit",
    query: {
      author: options.author ?? "",
      changes: options.changes,
      comment: options.comment ?? "",
      container: name,
      ...(options.pause === false && { pause: false }),
      repo: options.repository ?? "",
      tag: options.tag ?? "",
    },
    json: options.config,
    signal: options.signal,
  });
}
