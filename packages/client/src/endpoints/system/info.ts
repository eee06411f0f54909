import type { SystemInfo } from "@berth/api";
import type { Client } from "../../client.ts";

/** GET /info */
export function systemInfo(client: Client, options: { signal?: AbortSignal } = {}): Promise<SystemInfo> {
  return client.json({ method: "GET", path: "/info", signal: options.signal });
}
