import { conflict, notImplemented } from "@berth/base";
import { readJsonLog } from "@berth/logging";
import type { EngineContext } from "../context.ts";
import { isAlive } from "./container.ts";
import { logPath } from "./paths.ts";

export interface LogsOptions {
  stdout: boolean;
  stderr: boolean;
  follow: boolean;
  /** Lines from the end; absent: all. */
  tail?: number;
  /** Nanoseconds since 1970; absent: no bound. */
  since?: bigint;
  until?: bigint;
  timestamps: boolean;
  details: boolean;
}

export interface LogStream {
  /** The container's terminal: raw bytes; without one: multiplexed frames. */
  tty: boolean;
  /** Bytes exactly as the client gets them, many lines a chunk. Ends by itself, or soon after the signal fired. */
  chunks: AsyncIterable<Uint8Array>;
}

/** @throws not-found; not-implemented when the log driver keeps nothing; conflict when the container is being removed. */
export async function containerLogs(
  engine: EngineContext,
  reference: string,
  options: LogsOptions,
  signal: AbortSignal,
): Promise<LogStream> {
  const container = engine.containers.get(reference);
  const { config, hostConfig } = container.record;
  if (container.state.removing || container.state.dead) {
    throw conflict("can not get logs from container which is dead or marked for removal");
  }
  if (hostConfig.LogConfig.Type !== "json-file") {
    throw notImplemented("configured logging driver does not support reading");
  }
  const { follow, tail, since, until, ...format } = options;
  const chunks = readJsonLog(logPath(engine.settings, container), {
    ...format,
    multiplexed: !config.Tty,
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    // A follower ends with the process, as with Docker; what the shim has written by then is read.
    ...(follow && isAlive(container)
      ? { follow: { ended: container.waiters.add("next-exit", signal).catch(() => {}) } }
      : {}),
    signal,
  });
  return { tty: config.Tty, chunks };
}
