import type { ExecInspect } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";

/** GET /exec/{id}/json */
export function execInspect(
  client: Client,
  id: string,
  options: { signal?: AbortSignal } = {},
): Promise<ExecInspect> {
  return client.json({ method: "GET", path: `/exec/${escapeName(id)}/json`, signal: options.signal });
}
