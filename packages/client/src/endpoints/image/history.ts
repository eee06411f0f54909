import type { HistoryItem } from "@berth/api";
import { type Client, escapeReference } from "../../client.ts";

/** GET /images/{name}/history, newest first. `platform`: JSON of an OCI platform. */
export function imageHistory(
  client: Client,
  name: string,
  options: { platform?: string; signal?: AbortSignal } = {},
): Promise<HistoryItem[]> {
  return client.json({
    method: "GET",
    path: `/images/${escapeReference(name)}/history`,
    query: options.platform ? { platform: options.platform } : {},
    signal: options.signal,
  });
}
