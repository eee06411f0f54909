import { type Client, escapeName } from "../../client.ts";
import type { Hijacked } from "../../http/hijacked.ts";

export interface ContainerAttachOptions {
  stdin?: boolean;
  stdout?: boolean;
  stderr?: boolean;
  /** Stay for what comes. */
  stream?: boolean;
  /** Begin with what was logged. */
  logs?: boolean;
  detachKeys?: string;
  signal?: AbortSignal;
}

/** POST /containers/{name}/attach. Without a terminal the stream is multiplexed (`demultiplex`). */
export function containerAttach(
  client: Client,
  name: string,
  options: ContainerAttachOptions,
): Promise<Hijacked> {
  return client.hijack({
    method: "POST",
    path: `/containers/${escapeName(name)}/attach`,
    query: {
      ...(options.detachKeys && { detachKeys: options.detachKeys }),
      ...(options.logs && { logs: true }),
      ...(options.stderr && { stderr: true }),
      ...(options.stdin && { stdin: true }),
      ...(options.stdout && { stdout: true }),
      ...(options.stream && { stream: true }),
    },
    signal: options.signal,
  });
}
