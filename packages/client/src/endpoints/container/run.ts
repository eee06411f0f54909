import type { ContainerCreateRequest, ContainerCreateResponse, ContainerWaitResponse } from "@berth/api";
import type { Client } from "../../client.ts";
import { Hijacked } from "../../http/hijacked.ts";
import type { Body } from "../body.ts";
import { type ContainerCreateOptions, createRequest } from "./create.ts";

/** What ends the stream of `containerRun`. `NotStarted`: what a start would have answered. */
export type RunOutcome = ContainerWaitResponse | { NotStarted: { status: number; message: string } };

/**
 * POST /containers/create, with attach, wait and start in the same request by a daemon that can. The stream is multiplexed and ends
 * with a `RunOutcome` (`demultiplex`), when the container was removed if it is to be. Only for a container without a terminal.
 * @returns from any other daemon what `containerCreate` returns, without a stream: nothing was started.
 */
export async function containerRun(
  client: Client,
  body: Body<ContainerCreateRequest> | ((version: string) => Body<ContainerCreateRequest>),
  options: ContainerCreateOptions = {},
): Promise<{ created: ContainerCreateResponse; stream?: Hijacked }> {
  const answer = await client.offer(createRequest(body, options), "berth-run");
  if (!(answer instanceof Hijacked)) return { created: await answer.json<ContainerCreateResponse>() };
  const created = decodeURIComponent(answer.headers.get("berth-created") ?? "{}");
  return { created: JSON.parse(created) as ContainerCreateResponse, stream: answer };
}
