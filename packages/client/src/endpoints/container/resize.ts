import { type Client, escapeName } from "../../client.ts";

/** POST /containers/{name}/resize, in characters. */
export function containerResize(
  client: Client,
  name: string,
  size: { rows: number; columns: number },
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/containers/${escapeName(name)}/resize`,
    query: { h: size.rows, w: size.columns },
    signal: options.signal,
  });
}
