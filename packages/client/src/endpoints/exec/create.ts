import type { ExecConfig, IdResponse } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";
import type { Body } from "../body.ts";

/** POST /containers/{name}/exec */
export function execCreate(
  client: Client,
  container: string,
  config: Body<ExecConfig>,
  options: { signal?: AbortSignal } = {},
): Promise<IdResponse> {
  return client.json({
    method: "POST",
    path: `/containers/${escapeName(container)}/exec`,
    json: config,
    signal: options.signal,
  });
}
