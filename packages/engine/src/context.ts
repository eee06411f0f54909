import type { LogConfig, Ulimit } from "@berth/api";
import type { ImageResolver } from "@berth/image";
import type { ExecRequest, OciRuntime, OciSpec, Runtime, SpecInput } from "@berth/runtime";
import type { Snapshots } from "@berth/snapshot";
import type { Volumes } from "@berth/volume";
import type { RestartQueue } from "./container/restart-queue.ts";
import type { ContainerStore } from "./container/store.ts";
import type { EventLog } from "./events/event-log.ts";
import type { ExecStore } from "./exec/exec-store.ts";
import type { ContainerJobs } from "./jobs.ts";
import type { EngineNetworks } from "./networks.ts";
import type { HostFacts } from "./system/host-facts.ts";

/** The OCI runtimes that there are; `OciRuntimes` of `@berth/runtime`. */
export interface RuntimeChoice {
  readonly defaultName: string;
  names(): string[];
  /** Empty: the default. @throws invalid-parameter for an unknown one. */
  get(name: string): OciRuntime;
}

/** What the daemon's configuration says about containers. */
export interface EngineSettings {
  dataRoot: string;
  execRoot: string;
  runtimes: RuntimeChoice;
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

/** What the engine needs of the snapshots. */
export type ContainerLayers = Pick<
  Snapshots,
  | "driver"
  | "has"
  | "view"
  | "createWritable"
  | "writable"
  | "throwAway"
  | "writableSize"
  | "changes"
  | "layerSize"
  | "metadata"
>;

/** What every module of the engine works with. Made once in `createEngine`; holds no behaviour. */
export interface EngineContext {
  settings: EngineSettings;
  facts: HostFacts;
  containers: ContainerStore;
  execs: ExecStore;
  restarts: RestartQueue;
  events: EventLog;
  runtime: Runtime;
  networks: EngineNetworks;
  images: ImageResolver;
  snapshots: ContainerLayers;
  volumes: Volumes;
  jobs: ContainerJobs;
  /** Runs several stored changes as one commit; `durable`: on the disk when it returns. */
  transaction: <T>(change: () => T, durable?: boolean) => T;
  /** Makes the OCI spec; what the host is like is known to it. @throws invalid-parameter with Docker's sentences. */
  buildSpec: (input: Omit<SpecInput, "host">) => OciSpec;
  /** What `exec --privileged` gets. */
  allCapabilities: () => NonNullable<ExecRequest["capabilities"]>;
  /** Set when the daemon stops: nothing is restarted any more. */
  stopping: boolean;
}
