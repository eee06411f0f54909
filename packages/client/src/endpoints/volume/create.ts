import type { Volume, VolumeCreateRequest } from "@berth/api";
import type { Client } from "../../client.ts";
import type { Body } from "../body.ts";

/** POST /volumes/create */
export function volumeCreate(
  client: Client,
  request: Body<VolumeCreateRequest>,
  options: { signal?: AbortSignal } = {},
): Promise<Volume> {
  return client.json({ method: "POST", path: "/volumes/create", json: request, signal: options.signal });
}
