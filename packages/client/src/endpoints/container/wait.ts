import type { ContainerWaitResponse } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";
import { versionLessThan } from "../../version.ts";

export type WaitCondition = "not-running" | "next-exit" | "removed";

/**
 * POST /containers/{name}/wait.
 * @returns once the daemon has registered the wait; `exit` resolves when the condition is met. A daemon below API 1.30
 * knows no conditions and answers only at the end.
 */
export async function containerWait(
  client: Client,
  name: string,
  options: { condition?: WaitCondition; signal?: AbortSignal } = {},
): Promise<{ exit: Promise<ContainerWaitResponse> }> {
  const request = {
    method: "POST",
    path: `/containers/${escapeName(name)}/wait`,
    query: (version: string): Record<string, string> =>
      options.condition === undefined || versionLessThan(version, "1.30")
        ? {}
        : { condition: options.condition },
    signal: options.signal,
  } as const;
  if (versionLessThan(client.apiVersion, "1.30")) {
    return { exit: client.json<ContainerWaitResponse>(request) };
  }
  const response = await client.request(request);
  return { exit: response.json<ContainerWaitResponse>() };
}
