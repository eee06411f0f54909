import type { ContainerInspect } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";

export interface ContainerInspectOptions {
  size?: boolean;
  signal?: AbortSignal;
}

/** GET /containers/{name}/json */
export async function containerInspect(
  client: Client,
  name: string,
  options: ContainerInspectOptions = {},
): Promise<ContainerInspect> {
  return JSON.parse(await containerInspectText(client, name, options)) as ContainerInspect;
}

/** The same, as the daemon wrote it: numbers beyond 2^53 keep their digits. */
export async function containerInspectText(
  client: Client,
  name: string,
  options: ContainerInspectOptions = {},
): Promise<string> {
  const response = await client.request({
    method: "GET",
    path: `/containers/${escapeName(name)}/json`,
    query: options.size ? { size: true } : {},
    signal: options.signal,
  });
  return response.text();
}
