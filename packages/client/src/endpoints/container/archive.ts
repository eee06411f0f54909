import type { ContainerPathStat } from "@berth/api";
import { type Client, escapeName } from "../../client.ts";
import { ProtocolError } from "../../errors.ts";
import type { RequestBody } from "../../http/exchange.ts";
import type { Response } from "../../http/response.ts";

/** HEAD /containers/{name}/archive: what a path in the container is. */
export async function containerStatPath(
  client: Client,
  name: string,
  path: string,
  options: { signal?: AbortSignal } = {},
): Promise<ContainerPathStat> {
  const response = await client.request({
    method: "HEAD",
    path: `/containers/${escapeName(name)}/archive`,
    query: { path },
    signal: options.signal,
  });
  return pathStat(response);
}

/** GET /containers/{name}/archive: a file or folder as a tar, with what the path is. */
export async function containerGetArchive(
  client: Client,
  name: string,
  path: string,
  options: { signal?: AbortSignal } = {},
): Promise<{ stat: ContainerPathStat; tar: Response }> {
  const tar = await client.request({
    method: "GET",
    path: `/containers/${escapeName(name)}/archive`,
    query: { path },
    signal: options.signal,
  });
  return { stat: pathStat(tar), tar };
}

export interface ContainerPutArchiveOptions {
  allowOverwriteDirWithFile?: boolean;
  copyUIDGID?: boolean;
  signal?: AbortSignal;
}

/** PUT /containers/{name}/archive: unpacks a tar in a folder of the container. */
export function containerPutArchive(
  client: Client,
  name: string,
  path: string,
  tar: RequestBody,
  options: ContainerPutArchiveOptions = {},
): Promise<void> {
  return client.done({
    method: "PUT",
    path: `/containers/${escapeName(name)}/archive`,
    query: {
      ...(options.copyUIDGID && { copyUIDGID: "true" }),
      ...(!options.allowOverwriteDirWithFile && { noOverwriteDirNonDir: "true" }),
      path,
    },
    headers: { "Content-Type": "application/x-tar" },
    body: tar,
    signal: options.signal,
  });
}

function pathStat(response: Response): ContainerPathStat {
  const header = response.headers.get("x-docker-container-path-stat") ?? "";
  try {
    const bytes = Uint8Array.from(atob(header), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) as ContainerPathStat;
  } catch (error) {
    response.cancel();
    throw new ProtocolError("unable to decode container path stat header", error);
  }
}
