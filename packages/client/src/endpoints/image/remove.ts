import type { ImageDeleteItem } from "@berth/api";
import { type Client, escapeReference } from "../../client.ts";

export interface ImageRemoveOptions {
  force?: boolean;
  /** Keep untagged parents. */
  noPrune?: boolean;
  /** JSON of OCI platforms. */
  platforms?: readonly string[];
  signal?: AbortSignal;
}

/** DELETE /images/{name} */
export function imageRemove(
  client: Client,
  name: string,
  options: ImageRemoveOptions = {},
): Promise<ImageDeleteItem[]> {
  return client.json({
    method: "DELETE",
    path: `/images/${escapeReference(name)}`,
    query: {
      ...(options.force && { force: true }),
      ...(options.noPrune && { noprune: true }),
      ...(options.platforms !== undefined &&
        options.platforms.length > 0 && { platforms: options.platforms }),
    },
    signal: options.signal,
  });
}
