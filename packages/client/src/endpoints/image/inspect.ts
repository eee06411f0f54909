import type { ImageInspect } from "@berth/api";
import { type Client, escapeReference } from "../../client.ts";

export interface ImageInspectOptions {
  /** JSON of an OCI platform. */
  platform?: string;
  signal?: AbortSignal;
}

/** GET /images/{name}/json */
export async function imageInspect(
  client: Client,
  name: string,
  options: ImageInspectOptions = {},
): Promise<ImageInspect> {
  return JSON.parse(await imageInspectText(client, name, options)) as ImageInspect;
}

/** The same, as the daemon wrote it: numbers beyond 2^53 keep their digits. */
export async function imageInspectText(
  client: Client,
  name: string,
  options: ImageInspectOptions = {},
): Promise<string> {
  const response = await client.request({
    method: "GET",
    path: `/images/${escapeReference(name)}/json`,
    query: options.platform ? { platform: options.platform } : {},
    signal: options.signal,
  });
  return response.text();
}
