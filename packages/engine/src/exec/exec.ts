import type { ExecConfig } from "@berth/api";

/** One `docker exec`. Only in memory, as with Docker: after a daemon restart its process runs on, but is not known by its id. */
export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly config: ExecConfig;
  /** Program and arguments. */
  readonly command: { path: string; args: string[] };
  running: boolean;
  started: boolean;
  /** null until it ended. */
  exitCode: number | null;
  pid: number;
  /** Milliseconds since 1970; when it ended. */
  endedAt?: number;
  /** Settled by the start: resize waits for it. */
  readonly onStarted: PromiseWithResolvers<void>;
}
