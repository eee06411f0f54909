import type {
  Change,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerPathStat,
  ContainerSummary,
  ContainersPruneReport,
  ContainerTopResponse,
  ContainerUpdateResponse,
  ExecConfig,
  ExecInspect,
  Filters,
  StatsResponse,
  UpdateConfig,
} from "@berth/api";
import { getArchive, putArchive, statPath } from "./container/archive.ts";
import { type Attachment, type AttachOptions, attachContainer } from "./container/attach.ts";
import { containerChanges } from "./container/changes.ts";
import { type CommitOptions, type Committer, commitContainer } from "./container/commit.ts";
import { type CreateOptions, createContainer } from "./container/create.ts";
import { exportContainer } from "./container/export.ts";
import { inspectContainer } from "./container/inspect.ts";
import { killContainer } from "./container/kill.ts";
import { type ListOptions, listContainers } from "./container/list.ts";
import { containerLogs, type LogStream, type LogsOptions } from "./container/logs.ts";
import { pauseContainer, unpauseContainer } from "./container/pause.ts";
import { type RemoveOptions, removeContainer } from "./container/remove.ts";
import { renameContainer } from "./container/rename.ts";
import { resizeContainer } from "./container/resize.ts";
import { startContainer } from "./container/start.ts";
import { containerStats } from "./container/stats.ts";
import { restartContainer, stopContainer } from "./container/stop.ts";
import type { StopOptions } from "./container/stop-running.ts";
import { topContainer } from "./container/top.ts";
import { updateContainer } from "./container/update.ts";
import { waitContainer } from "./container/wait.ts";
import type { WaitCondition, WaitOutcome } from "./container/waiters.ts";
import type { EngineContext } from "./context.ts";
import { createExec } from "./exec/create.ts";
import { inspectExec } from "./exec/inspect.ts";
import { checkStartable, type ExecAttachOptions, execDetached, resizeExec, startExec } from "./exec/start.ts";
import { pruneContainers } from "./prune/containers.ts";

/*
 * The engine's modules joined into what the API's routers ask for (`ContainerBackend`, `ExecBackend` of `@berth/server`).
 * Nothing but the joining happens here.
 */

export function containerBackend(engine: EngineContext, committer: Committer) {
  return {
    create: (options: CreateOptions, signal: AbortSignal): Promise<ContainerCreateResponse> =>
      createContainer(engine, options, signal),
    start: (name: string, _options: { detachKeys?: string }): Promise<void> => startContainer(engine, name),
    stop: (name: string, options: StopOptions): Promise<void> => stopContainer(engine, name, options),
    restart: (name: string, options: StopOptions): Promise<void> => restartContainer(engine, name, options),
    kill: (name: string, signal: string): Promise<void> => killContainer(engine, name, signal),
    pause: (name: string): Promise<void> => pauseContainer(engine, name),
    unpause: (name: string): Promise<void> => unpauseContainer(engine, name),
    rename: (name: string, newName: string): Promise<void> => renameContainer(engine, name, newName),
    update: (name: string, update: UpdateConfig): Promise<ContainerUpdateResponse> =>
      updateContainer(engine, name, update),
    resize: (name: string, rows: number, columns: number): Promise<void> =>
      resizeContainer(engine, name, rows, columns),
    wait: (
      name: string,
      condition: WaitCondition,
      signal: AbortSignal,
    ): Promise<{ outcome: Promise<WaitOutcome> }> => waitContainer(engine, name, condition, signal),
    remove: (name: string, options: RemoveOptions): Promise<void> => removeContainer(engine, name, options),
    prune: (filters: Filters, signal: AbortSignal): Promise<ContainersPruneReport> =>
      pruneContainers(engine, filters, signal),
    list: (options: ListOptions): Promise<ContainerSummary[]> => listContainers(engine, options),
    inspect: (name: string, options: { size: boolean }): Promise<ContainerInspect> =>
      inspectContainer(engine, name, options),
    top: (name: string, psArguments: string): Promise<ContainerTopResponse> =>
      topContainer(engine, name, psArguments),
    changes: (name: string): Promise<Change[]> => containerChanges(engine, name),
    attach: (name: string, options: AttachOptions, signal: AbortSignal): Promise<Attachment> =>
      attachContainer(engine, name, options, signal),
    logs: (name: string, options: LogsOptions, signal: AbortSignal): Promise<LogStream> =>
      containerLogs(engine, name, options, signal),
    stats: (
      name: string,
      options: { stream: boolean; oneShot: boolean },
      signal: AbortSignal,
    ): Promise<AsyncIterable<StatsResponse>> => containerStats(engine, name, options, signal),
    export: (name: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> =>
      exportContainer(engine, name, signal),
    statPath: (name: string, path: string): Promise<ContainerPathStat> => statPath(engine, name, path),
    getArchive: (
      name: string,
      path: string,
      signal: AbortSignal,
    ): Promise<{ stat: ContainerPathStat; tar: ReadableStream<Uint8Array> }> =>
      getArchive(engine, name, path, signal),
    putArchive: (
      name: string,
      path: string,
      tar: ReadableStream<Uint8Array>,
      options: { noOverwriteDirNonDir: boolean; copyUIDGID: boolean },
      signal: AbortSignal,
    ): Promise<void> => putArchive(engine, name, path, tar, options, signal),
    commit: (options: CommitOptions, signal: AbortSignal): Promise<string> =>
      commitContainer(engine, committer, options, signal),
  };
}

export function execBackend(engine: EngineContext) {
  return {
    create: async (container: string, config: ExecConfig): Promise<string> =>
      createExec(engine, container, config).id,
    inspect: async (id: string): Promise<ExecInspect> => inspectExec(engine, id),
    checkStartable: async (id: string): Promise<void> => void checkStartable(engine, id),
    startDetached: async (id: string): Promise<void> => {
      const { stream } = await startExec(engine, id, undefined);
      // Nobody reads: what it prints is thrown away, and it must not block on it.
      stream.onData(() => {});
    },
    startAttached: async (
      id: string,
      options: ExecAttachOptions,
      signal: AbortSignal,
    ): Promise<Attachment & { exited: Promise<number> }> => {
      const { config } = engine.execs.get(id);
      const { stream, exited } = await startExec(engine, id, options.consoleSize);
      signal.addEventListener("abort", () => stream.destroy(), { once: true });
      return {
        stream,
        exited,
        tty: config.Tty,
        ...(config.DetachKeys === "" ? {} : { detachKeys: config.DetachKeys }),
        detached: () => execDetached(engine, id),
      };
    },
    resize: (id: string, rows: number, columns: number): Promise<void> =>
      resizeExec(engine, id, rows, columns),
  };
}
