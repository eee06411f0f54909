import { type Client, escapeReference } from "../../client.ts";

/** POST /images/{name}/tag */
export function imageTag(
  client: Client,
  name: string,
  repository: string,
  tag: string,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  return client.done({
    method: "POST",
    path: `/images/${escapeReference(name)}/tag`,
    query: { repo: repository, ...(tag && { tag }) },
    signal: options.signal,
  });
}
