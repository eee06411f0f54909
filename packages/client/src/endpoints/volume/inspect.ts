import type { Volume } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";

export interface VolumeInspectOptions {
  signal?: AbortSignal;
}

/** GET /volumes/{name} */
export async function volumeInspect(
  client: Client,
  name: string,
  options: VolumeInspectOptions = {},
): Promise<Volume> {
  return JSON.parse(await volumeInspectText(client, name, options)) as Volume;
}

/** The same, as the daemon wrote it: numbers beyond 2^53 keep their digits. */
export async function volumeInspectText(
  client: Client,
  name: string,
  options: VolumeInspectOptions = {},
): Promise<string> {
  const response = await client.request({
    method: "GET",
    path: `/volumes/${escapeName(name)}`,
    signal: options.signal,
  });
  return response.text();
}
