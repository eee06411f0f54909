import type { Version } from "@berth/api";
import type { Client } from "../../client.ts";

/** GET /version */
export function systemVersion(client: Client, options: { signal?: AbortSignal } = {}): Promise<Version> {
  return client.json({ method: "GET", path: "/version", signal: options.signal });
}
