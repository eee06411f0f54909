import type { ExecStartRequest } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";
import type { Hijacked } from "../../http/hijacked.ts";

/** POST /exec/{id}/start with its streams. Without a terminal the stream is multiplexed (`demultiplex`). */
export function execStart(
  client: Client,
  id: string,
  request: Omit<ExecStartRequest, "Detach">,
  options: { signal?: AbortSignal } = {},
): Promise<Hijacked> {
  return client.hijack({
    method: "POST",
    path: `/exec/${escapeName(id)}/start`,
    json: { Detach: false, ...request },
    signal: options.signal,
  });
}

/** POST /exec/{id}/start in the background. */
export function execStartDetached(
  client: Client,
  id: string,
  request: Omit<ExecStartRequest, "Detach">,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/exec/${escapeName(id)}/start`,
    json: { Detach: true, ...request },
    signal: options.signal,
  });
}
