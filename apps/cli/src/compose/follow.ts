/** The output of containers, across restarts, and of replicas that join. */

import type { EventMessage } from "@berth/api";
import {
  type Client,
  containerAttach,
  containerLogs,
  demultiplex,
  type Response,
  systemEvents,
  versionLessThan,
} from "@berth/client";
import { LABEL } from "@berth/compose";
import type { LogWriter } from "./log-printer.ts";

export interface LogsRequest {
  follow: boolean;
  tail: string;
  since: string;
  until: string;
  timestamps: boolean;
}

/** Copies a container's log until it ends. */
export async function copyLogs(
  client: Client,
  id: string,
  writer: LogWriter,
  request: LogsRequest,
  signal?: AbortSignal,
): Promise<void> {
  const logs = await containerLogs(client, id, {
    stdout: true,
    stderr: true,
    ...request,
    ...(signal !== undefined && { signal }),
  });
  await copy(client, id, logs, logs.headers.get("content-type") ?? "", writer);
}

/**
 * Connects to a container that is about to start, so that nothing of it is missed.
 * @returns when the stream stands; `done`: when the container has said its last word.
 */
export async function attachOutput(
  client: Client,
  id: string,
  writer: LogWriter,
  signal: AbortSignal,
): Promise<{ done: Promise<void> }> {
  const stream = await containerAttach(client, id, { stream: true, stdout: true, stderr: true, signal });
  const done = copy(client, id, stream, stream.contentType ?? "", writer)
    .catch((error: unknown) => {
      if (!signal.aborted) throw error;
    })
    .finally(() => stream.destroy());
  done.catch(() => {});
  return { done };
}

async function copy(
  client: Client,
  id: string,
  chunks: AsyncIterable<Uint8Array> | Response,
  type: string,
  writer: LogWriter,
): Promise<void> {
  if (await isMultiplexed(client, id, type)) {
    for await (const frame of demultiplex(chunks)) {
      if (frame.stream !== "error") await writer.write(frame.stream, frame.bytes);
    }
  } else {
    for await (const chunk of chunks) await writer.write("stdout", chunk);
  }
  await writer.flush();
}

/** The answer tells since API 1.42; earlier, whether the container has a terminal. */
async function isMultiplexed(client: Client, id: string, type: string): Promise<boolean> {
  if (type.startsWith("application/vnd.docker.multiplexed-stream")) return true;
  if (type.startsWith("application/vnd.docker.raw-stream") && !versionLessThan(client.apiVersion, "1.42")) {
    return false;
  }
  const { containerInspect } = await import("@berth/client");
  return !(await containerInspect(client, id)).Config.Tty;
}

/** Starts and ends of a project's containers from now on. */
export function containerEvents(
  client: Client,
  project: string,
  events: readonly string[],
  signal: AbortSignal,
): Promise<AsyncGenerator<EventMessage, void, undefined>> {
  return systemEvents(client, {
    filters: { type: ["container"], label: [`${LABEL.project}=${project}`], event: events },
    signal,
  });
}

/** As the prefix of its lines: without the project's name. */
export function shortName(project: string, name: string): string {
  for (const separator of ["-", "_"]) {
    if (name.startsWith(project + separator)) return name.slice(project.length + 1);
  }
  return name;
}

/** `since` of the logs for an event's time; from the beginning when there is none. */
export function sinceTime(time: bigint | undefined): string {
  if (time === undefined) return "";
  return `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, "0")}`;
}
