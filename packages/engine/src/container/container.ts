import type { ContainerStatus } from "@berth/api";
import { ZERO_TIME } from "@berth/base";
import type { Shim } from "@berth/runtime";
import type { Exec } from "../exec/exec.ts";
import type { Mutex } from "../mutex.ts";
import type { AttachQueue } from "./attach-queue.ts";
import type { HealthMonitor } from "./health.ts";
import type { ContainerRecord, ContainerState } from "./record.ts";
import type { Waiters } from "./waiters.ts";

export function newState(): ContainerState {
  return {
    running: false,
    paused: false,
    restarting: false,
    removing: false,
    dead: false,
    pid: 0,
    exitCode: 0,
    error: "",
    oomKilled: false,
    startedAt: ZERO_TIME,
    finishedAt: ZERO_TIME,
    restartCount: 0,
    manuallyStopped: false,
  };
}

/** One container as the daemon knows it: what is stored, and what lives only in memory. No behaviour: that is in the modules beside. */
export interface Container {
  readonly id: string;
  record: ContainerRecord;
  state: ContainerState;
  /** Held by whoever changes the container's life: start, exit, remove, rename, update, pause. Never while waiting for a process. */
  readonly lock: Mutex;
  readonly waiters: Waiters;
  readonly attaches: AttachQueue;
  readonly execs: Map<string, Exec>;
  /** Present from the launch to the exit. */
  shim?: Shim;
  health?: HealthMonitor;
  /** Wait before the next start by the restart policy, milliseconds; 0 before the first one. */
  restartDelay: number;
  /** A person stopped or killed it: the restart policy does not apply to the exit that follows. */
  exitOnNext: boolean;
  /** A person restarts it: `--rm` does not apply to the exit that follows. */
  keepOnExit: boolean;
  /** Resolves when the running process has ended and its exit is dealt with. Present while it runs. */
  exitHandled?: Promise<void>;
}

export function statusOf(state: ContainerState): ContainerStatus {
  if (state.running) {
    if (state.paused) return "paused";
    return state.restarting ? "restarting" : "running";
  }
  if (state.removing) return "removing";
  if (state.dead) return "dead";
  return state.startedAt === ZERO_TIME ? "created" : "exited";
}

/** True when there is a process: running and not between two starts. */
export function isAlive(container: Container): boolean {
  return container.state.running && !container.state.restarting;
}
