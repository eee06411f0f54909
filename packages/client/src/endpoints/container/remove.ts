import { type Client, escapeName } from "../../client.ts";

export interface ContainerRemoveOptions {
  /** Kill it first. */
  force?: boolean;
  /** Its anonymous volumes too. */
  volumes?: boolean;
  /** Remove the link of this name, not the container. */
  link?: boolean;
  signal?: AbortSignal;
}

/** DELETE /containers/{name} */
export function containerRemove(
  client: Client,
  name: string,
  options: ContainerRemoveOptions = {},
): Promise<void> {
  return client.done({
    method: "DELETE",
    path: `/containers/${escapeName(name)}`,
    query: {
      ...(options.force && { force: true }),
      ...(options.link && { link: true }),
      ...(options.volumes && { v: true }),
    },
    signal: options.signal,
  });
}
