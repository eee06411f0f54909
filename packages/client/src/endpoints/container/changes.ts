import type { Change } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";

/** GET /containers/{name}/changes */
export async function containerChanges(
  client: Client,
  name: string,
  options: { signal?: AbortSignal } = {},
): Promise<Change[]> {
  const changes = await client.json<Change[] | null>({
    method: "GET",
    path: `/containers/${escapeName(name)}/changes`,
    signal: options.signal,
  });
  return changes ?? [];
}
