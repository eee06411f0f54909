import type { ContainerUpdateResponse, UpdateConfig } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";
import type { Body } from "../body.ts";

/** POST /containers/{name}/update: changes limits and restart policy. */
export function containerUpdate(
  client: Client,
  name: string,
  update: Body<UpdateConfig>,
  options: { signal?: AbortSignal } = {},
): Promise<ContainerUpdateResponse> {
  return client.json({
    method: "POST",
    path: `/containers/${escapeName(name)}/update`,
    json: update,
    signal: options.signal,
  });
}
