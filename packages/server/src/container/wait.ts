import type { ContainerWaitResponse } from "@berth/api";
import { invalidParameter, messageOf } from "@berth/base";
import type { Exchange } from "../http/exchange.ts";
import { post, type Route } from "../http/router.ts";
import { startAnswer } from "../http/stream.ts";
import type { ContainerLifecycle, WaitCondition, WaitOutcome } from "./backend.ts";

/** `docker run` waits before it starts: it relies on the headers coming as soon as the wait is registered. */
export function waitRoutes(containers: ContainerLifecycle): Route[] {
  return [
    post("/containers/{name}/wait", async (exchange) => {
      const { response, signal } = exchange;
      const condition = waitCondition(exchange);
      const { outcome } = await containers.wait(exchange.parameter("name"), condition, signal);
      startAnswer(response, { "Content-Type": "application/json" });
      const answer = await waitAnswer(outcome);
      if (!signal.aborted) response.end(`${JSON.stringify(answer)}\n`);
    }),
  ];
}

export async function waitAnswer(outcome: Promise<WaitOutcome>): Promise<ContainerWaitResponse> {
  try {
    const { statusCode, error } = await outcome;
    return { Error: error === undefined ? null : { Message: error }, StatusCode: statusCode };
  } catch (error) {
    return { Error: { Message: messageOf(error) }, StatusCode: -1 };
  }
}

/** Conditions exist since API 1.30; below, waiting is for the end of the container. */
function waitCondition({ query, version }: Exchange): WaitCondition {
  const text = version >= 30 ? query.string("condition") : "";
  switch (text) {
    case "":
    case "not-running":
      return "not-running";
    case "next-exit":
    case "removed":
      return text;
    default:
      throw invalidParameter(`invalid condition: ${JSON.stringify(text)}`);
  }
}
