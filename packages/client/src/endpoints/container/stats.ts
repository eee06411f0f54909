import type { StatsResponse } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";
import { jsonLines } from "../../http/json-lines.ts";

/** GET /containers/{name}/stats: one sample a second, or a single one when `stream` is false. */
export async function containerStats(
  client: Client,
  name: string,
  options: { stream: boolean; oneShot?: boolean; signal?: AbortSignal },
): Promise<AsyncGenerator<StatsResponse, void, undefined>> {
  const response = await client.request({
    method: "GET",
    path: `/containers/${escapeName(name)}/stats`,
    query: { ...(options.oneShot && { "one-shot": true }), stream: options.stream },
    signal: options.signal,
  });
  return jsonLines<StatsResponse>(response);
}
