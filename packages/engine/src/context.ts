import type { HostConfig, LogConfig, Ulimit } from "@berth/api";
import type { ImageResolver } from "@berth/image";
import type { OciRuntime, Runtime } from "@berth/runtime";
import type { Snapshots } from "@berth/snapshot";
import type { Volumes } from "@berth/volume";
import type { ContainerStore } from "./container/store.ts";
import type { EventLog } from "./events/event-log.ts";
import type { ExecStore } from "./exec/exec-store.ts";
import type { ContainerJobs } from "./jobs.ts";
import type { EngineNetworks } from "./networks.ts";
import type { HostFacts } from "./system/host-facts.ts";

/** What the daemon's configuration says about containers. */
export interface EngineSettings {
  dataRoot: string;
  execRoot: string;
  runtimes: ReadonlyMap<string, OciRuntime>;
  defaultRuntime: string;
  /** Bytes of /dev/shm. */
  shmSize: number;
  log: LogConfig;
  ipcMode: "private" | "shareable";
  /** Empty: by the cgroup version. */
  cgroupnsMode: "" | "host" | "private";
  cgroupParent: string;
  init: boolean;
  /** Path of the init program for `--init` on the host. */
  initPath: string;
  ulimits: readonly Ulimit[];
  noNewPrivileges: boolean;
  /** Seconds that a stop waits when neither the client nor the container says. */
  stopTimeout: number;
}

/** What every module of the engine works with. Made once in `createEngine`; holds no behaviour. */
export interface EngineContext {
  settings: EngineSettings;
  facts: HostFacts;
  containers: ContainerStore;
  execs: ExecStore;
  events: EventLog;
  runtime: Runtime;
  networks: EngineNetworks;
  images: ImageResolver;
  snapshots: Snapshots;
  volumes: Volumes;
  jobs: ContainerJobs;
  /** Runs several stored changes as one commit; `durable`: on the disk when it returns. */
  transaction: <T>(change: () => T, durable?: boolean) => T;
  /** Set when the daemon stops: nothing is restarted any more. */
  stopping: boolean;
}

export type { HostConfig };
