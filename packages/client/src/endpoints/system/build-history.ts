import type { BuildRecord } from "@berth/api/build";
import type { Client } from "../../client.ts";

/** GET /berth/builds: newest first, without their steps. */
export function buildHistory(client: Client): Promise<BuildRecord[]> {
  return client.json<BuildRecord[]>({ method: "GET", path: "/berth/builds" });
}

/** GET /berth/builds/{ref}: with its steps, whose times are digits. */
export function buildRecord(client: Client, ref: string): Promise<BuildRecord> {
  return client.json<BuildRecord>({ method: "GET", path: `/berth/builds/${encodeURIComponent(ref)}` });
}

/** DELETE /berth/builds/{ref}. */
export function removeBuildRecord(client: Client, ref: string): Promise<void> {
  return client.done({ method: "DELETE", path: `/berth/builds/${encodeURIComponent(ref)}` });
}
