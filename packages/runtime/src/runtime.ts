import type { RootfsMount } from "@berth/spec";

/** All that a shim needs to run one container: plain data, made by the engine. */
export interface Launch {
  id: string;
  /** `<data-root>/containers/<id>`: log and exit record. */
  dataDirectory: string;
  rootfs: RootfsMount;
  /**
   * The container is thrown away when it ends (`--rm`): its root filesystem is never written to the disk on purpose, and its exit
   * is told before its cgroup is gone.
   */
  once?: boolean;
  /** OCI runtime spec, complete but for `root.path`, `process.user`, and paths of namespaces, which the shim fills in. */
  spec: OciSpec;
  /** Docker's USER (`name`, `uid`, `uid:gid`, …), resolved by the shim inside the root filesystem, and `--group-add`. */
  user: string;
  groupAdd: string[];
  tty: boolean;
  openStdin: boolean;
  stdinOnce: boolean;
  consoleSize?: { rows: number; columns: number };
  log: LogTarget;
  /** `SandboxPlan` of `@berth/network`; opaque to this package. */
  network: unknown;
  /** `PortSocket[]` of `@berth/network`, in the order of the passed descriptors; opaque to this package. */
  ports: unknown[];
  runtime: OciRuntime;
  /** Folders that must exist as mount targets, working directory included, made inside the root filesystem before the start. */
  workingDirectory: string;
}

export type LogTarget =
  | {
      driver: "json-file";
      path: string;
      maxSize: number;
      maxFiles: number;
      compress: boolean;
      attributes: Record<string, string>;
      /** `mode=non-blocking`: bytes that may wait for the log; more is dropped. Absent: the container waits for its log. */
      buffer?: number;
    }
  | { driver: "none" };

export interface OciRuntime {
  /** Name as users say it: `crun`, `runc`. */
  name: string;
  path: string;
  arguments: string[];
}

export interface ExitRecord {
  exitCode: number;
  oomKilled: boolean;
  /** RFC 3339. */
  finishedAt: string;
  /** Present when the process could not be started. */
  error?: string;
}

export interface ExecRequest {
  id: string;
  args: string[];
  env: string[];
  cwd: string;
  user: string;
  tty: boolean;
  attachStdin: boolean;
  attachStdout: boolean;
  attachStderr: boolean;
  /** `exec --privileged`: these instead of the container's. */
  capabilities?: NonNullable<OciSpec["process"]["capabilities"]>;
  consoleSize?: { rows: number; columns: number };
}

/**
 * A byte stream to a shim. What comes out is Docker's stream: multiplexed frames (8-byte header) without a terminal, raw with one.
 * `write` after `end` throws. `end` closes the container's stdin when it was opened once.
 */
export interface ShimStream {
  onData(listener: (chunk: Uint8Array) => void): void;
  onEnd(listener: () => void): void;
  /** False: wait for `onDrain`. */
  write(chunk: Uint8Array): boolean;
  onDrain(listener: () => void): void;
  /** Stop and go on with reading, for back-pressure. */
  pause(): void;
  resume(): void;
  end(): void;
  destroy(): void;
}

/** The daemon's handle on one running (or about to run) container. */
export interface Shim {
  readonly id: string;
  /** A stream that is asked for before `start` gets everything from the first byte. @throws as `start` */
  attach(streams: { stdin: boolean; stdout: boolean; stderr: boolean }): Promise<ShimStream>;
  /** Runs the container once its sandbox stands. @throws what made the preparation fail; BerthError with `exitCode` 126 or 127 and Docker's sentence when the command cannot run; the shim has then cleaned up. */
  start(): Promise<{ pid: number; startedAt: string }>;
  /** A started process in the container; `stream` is attached before it runs. @throws as `start`. */
  exec(request: ExecRequest): Promise<{ pid: number; stream: ShimStream; exited: Promise<number> }>;
  /** Signal to the container's init (or, with `execId`, to that process). */
  kill(signal: number, execId?: string): Promise<void>;
  resize(rows: number, columns: number, execId?: string): Promise<void>;
  /** Live network changes: `EndpointPlan` of `@berth/network`. */
  connectEndpoint(plan: unknown): Promise<void>;
  /** `gateways`: `GatewayPlan[]`, default routes that other endpoints carry then. */
  disconnectEndpoint(endpointId: string, gateways: unknown): Promise<void>;
  /** `PortSocket[]`: all ports that are published from now on. */
  changePorts(ports: unknown): Promise<void>;
  /** The whole network (`SandboxPlan`, `PortSocket[]`) as it should be: what is not so is changed. */
  syncNetwork(plan: unknown, ports: unknown): Promise<void>;
  /** New zone files or upstreams (`DnsPlan`), after a network was connected or disconnected. */
  updateDns(plan: unknown): Promise<void>;
  /** Resolves once, when the container ended and its mounts and addresses are free. */
  readonly exited: Promise<ExitRecord>;
  /** Set once the process runs; after `recover` it tells of the process that runs already. */
  readonly started: { pid: number; startedAt: string } | undefined;
  /** The caller has stored the exit record: the shim ends without leaving it on disk. Must be called after `exited`. */
  recorded(): void;
  /** Throws away a container that is not to run, or was not seen to. */
  abandon(): Promise<void>;
}

export interface Runtime {
  /** A launch or an exec will come soon: what can be waited for ahead is (docs/design/007-start-latency.md). Costs microseconds. */
  announce(): void;
  /**
   * Resolves as soon as the shim can be spoken to, while it makes the sandbox and the root filesystem: what follows need not wait
   * for that, and fails when that fails. `descriptors` are the port sockets; closed by this call.
   */
  launch(launch: Launch, descriptors: number[]): Promise<Shim>;
  /** After a daemon restart: the shim of a container that still runs, or what became of it. */
  recover(id: string, dataDirectory: string): Promise<Shim | ExitRecord | undefined>;
  close(): Promise<void>;
}

/** OCI runtime-spec config.json, the parts that Berth writes. */
export interface OciSpec {
  ociVersion: string;
  process: {
    terminal?: boolean;
    consoleSize?: { height: number; width: number };
    user?: { uid: number; gid: number; additionalGids?: number[]; umask?: number };
    args: string[];
    env: string[];
    cwd: string;
    capabilities?: Partial<
      Record<"bounding" | "effective" | "inheritable" | "permitted" | "ambient", string[]>
    >;
    rlimits?: { type: string; soft: number; hard: number }[];
    noNewPrivileges?: boolean;
    oomScoreAdj?: number;
    apparmorProfile?: string;
    selinuxLabel?: string;
  };
  root: { path: string; readonly?: boolean };
  hostname?: string;
  domainname?: string;
  mounts: {
    destination: string;
    type?: string;
    source?: string;
    options?: string[];
    /** Not of OCI: `SpecMount.beneath`. The shim puts what it found into `source` and takes this away. */
    beneath?: { folder?: string; path: string };
    /** Not of OCI: a bind that is to be a peer of the host's mount, which the shim's mounts are not. The shim takes it away too. */
    reachesHost?: boolean;
  }[];
  hooks?: unknown;
  annotations?: Record<string, string>;
  linux: {
    namespaces: { type: string; path?: string }[];
    cgroupsPath?: string;
    resources?: Record<string, unknown>;
    devices?: {
      path: string;
      type: string;
      major?: number;
      minor?: number;
      fileMode?: number;
      uid?: number;
      gid?: number;
    }[];
    seccomp?: unknown;
    maskedPaths?: string[];
    readonlyPaths?: string[];
    sysctl?: Record<string, string>;
    rootfsPropagation?: string;
    mountLabel?: string;
  };
}
