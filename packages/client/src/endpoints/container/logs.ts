import { type Client, escapeName } from "../../client.ts";
import type { Response } from "../../http/response.ts";

export interface ContainerLogsOptions {
  stdout?: boolean;
  stderr?: boolean;
  follow?: boolean;
  timestamps?: boolean;
  details?: boolean;
  /** Unix seconds, with a fraction of nanoseconds if wanted. */
  since?: string;
  until?: string;
  /** A number or `all`. */
  tail?: string;
  signal?: AbortSignal;
}

/** GET /containers/{name}/logs. Without a terminal the body is multiplexed (`demultiplex`). */
export function containerLogs(
  client: Client,
  name: string,
  options: ContainerLogsOptions,
): Promise<Response> {
  return client.request({
    method: "GET",
    path: `/containers/${escapeName(name)}/logs`,
    query: {
      ...(options.details && { details: true }),
      ...(options.follow && { follow: true }),
      ...(options.since && { since: options.since }),
      ...(options.stderr && { stderr: true }),
      ...(options.stdout && { stdout: true }),
      tail: options.tail,
      ...(options.timestamps && { timestamps: true }),
      ...(options.until && { until: options.until }),
    },
    signal: options.signal,
  });
}
