import { type Client, escapeName } from "../../client.ts";

/** POST /exec/{id}/resize, in characters. */
export function execResize(
  client: Client,
  name: string,
  size: { rows: number; columns: number },
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/exec/${escapeName(name)}/resize`,
    query: { h: size.rows, w: size.columns },
    signal: options.signal,
  });
}
