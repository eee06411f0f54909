import type { ExecConfig, IdResponse } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";
import { Hijacked } from "../../http/hijacked.ts";
import type { Body } from "../body.ts";

/**
 * POST /containers/{name}/exec, started with the same request by a daemon that can. Its stream is multiplexed and ends with
 * the exit status, `{"ExitCode":0}` (`demultiplex`). Only for an exec without a terminal.
 * @returns the stream, or from any other daemon what `execCreate` returns.
 */
export async function execRun(
  client: Client,
  container: string,
  config: Body<ExecConfig>,
  options: { signal?: AbortSignal } = {},
): Promise<Hijacked | IdResponse> {
  const answer = await client.offer(
    {
      method: "POST",
      path: `/containers/${escapeName(container)}/exec`,
      json: config,
      signal: options.signal,
    },
    "berth-exec",
  );
  return answer instanceof Hijacked ? answer : answer.json<IdResponse>();
}
