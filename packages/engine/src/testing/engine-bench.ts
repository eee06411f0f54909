import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerConfig, EventMessage, HostConfig } from "@berth/api";
import type { OciSpec } from "@berth/runtime";
import { openState, type State } from "@berth/state";
import type { Container } from "../container/container.ts";
import type { CreateOptions } from "../container/create.ts";
import { restoreContainers } from "../container/restore.ts";
import type { EngineContext, EngineSettings } from "../context.ts";
import { createEngine } from "../create-engine.ts";
import { containerBackend, execBackend } from "../engine.ts";
import type { ContainerJobs } from "../jobs.ts";
import type { HostFacts } from "../system/host-facts.ts";
import { FakeImages } from "./fake-images.ts";
import { FakeNetworks } from "./fake-networks.ts";
import { FakeRuntime, FakeWorld } from "./fake-runtime.ts";
import { FakeSnapshots } from "./fake-snapshots.ts";

export const FACTS: HostFacts = {
  cgroupVersion: 1,
  cpus: 2,
  memoryTotal: 8 << 30,
  cpusetCpus: "0-1",
  cpusetMems: "0",
  memoryLimit: true,
  swapLimit: true,
  memoryReservation: true,
  memorySwappiness: true,
  kernelMemory: true,
  kernelMemoryTcp: true,
  oomKillDisable: true,
  pidsLimit: true,
  cpuShares: true,
  cpuQuota: true,
  cpuRealtime: true,
  cpuset: true,
  blkioWeight: false,
  blkioWeightDevice: false,
  blkioThrottle: true,
  ipv4Forwarding: true,
  bridgeNfIptables: true,
  bridgeNfIp6tables: true,
  seccomp: true,
  apparmor: false,
};

/** An engine over fakes in a folder of its own. `killDaemon` leaves the world as it is and makes a new engine. */
export class EngineBench implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "berth-engine-"));
  readonly world = new FakeWorld();
  readonly images = new FakeImages();
  readonly networks = new FakeNetworks();
  readonly snapshots = new FakeSnapshots(this.folder);
  readonly copies: unknown[] = [];
  events: EventMessage[] = [];
  runtime!: FakeRuntime;
  state!: State;
  engine!: EngineContext;
  containers!: ReturnType<typeof containerBackend>;
  execs!: ReturnType<typeof execBackend>;
  failCopy: Error | undefined;

  constructor() {
    this.images.add("bb", { Cmd: ["sleep"], Env: ["FROM=image"] });
    this.#open();
  }

  #open(): void {
    this.runtime = new FakeRuntime(this.world);
    this.state = openState(join(this.folder, "state.db"));
    this.engine = createEngine({
      state: this.state,
      settings: settings(this.folder),
      facts: FACTS,
      runtime: this.runtime,
      networks: this.networks,
      images: this.images,
      snapshots: this.snapshots,
      jobs: this.#jobs(),
      buildSpec: (input) =>
        ({
          ociVersion: "1.0.2",
          process: { args: [...input.args], env: [...input.env], cwd: "/" },
          root: { path: "" },
          mounts: input.mounts.map(({ destination, source, type }) => ({ destination, source, type })),
          linux: { namespaces: [] },
        }) satisfies OciSpec,
      allCapabilities: () => ({ bounding: ["CAP_SYS_ADMIN"] }),
    });
    this.containers = containerBackend(this.engine, { commit: async () => "sha256:0" });
    this.execs = execBackend(this.engine);
    this.events = [];
    this.engine.events.listen((event) => this.events.push(event));
  }

  #jobs(): ContainerJobs {
    const unused = () => {
      throw new Error("not used");
    };
    return {
      copyUp: async (_rootfs, copies) => {
        if (this.failCopy) throw this.failCopy;
        this.copies.push(...copies);
      },
      statPath: async () => undefined,
      getArchive: unused,
      putArchive: unused,
      export: unused,
    };
  }

  /** The daemon is gone at this instruction; a new one begins. */
  async restart(): Promise<void> {
    this.runtime.dead = true;
    this.engine.restarts.close();
    for (const container of this.engine.containers.all()) container.health?.stop();
    this.engine.stopping = true;
    this.state.close();
    this.#open();
    const { started } = await restoreContainers(this.engine);
    await started;
  }

  /** Creates, starts with `run`. `command` is the container's. */
  async create(
    command: string[],
    options: {
      name?: string;
      host?: Partial<HostConfig>;
      config?: Partial<ContainerConfig>;
      apiVersion?: number;
    } = {},
  ): Promise<string> {
    const { Id } = await this.containers.create(request(command, options), new AbortController().signal);
    return Id;
  }

  async run(command: string[], options: Parameters<EngineBench["create"]>[1] = {}): Promise<string> {
    const id = await this.create(command, options);
    await this.containers.start(id, {});
    return id;
  }

  container(reference: string): Container {
    return this.engine.containers.get(reference);
  }

  async wait(reference: string): Promise<number> {
    const { outcome } = await this.containers.wait(reference, "not-running", new AbortController().signal);
    return (await outcome).statusCode;
  }

  /** Actions of the events so far, `type action`. */
  actions(type?: string): string[] {
    return this.events.filter((event) => !type || event.Type === type).map((event) => event.Action);
  }

  /** What is on disk and in the world for containers; empty when nothing leaked. */
  leftovers(): string[] {
    const list = (path: string) => {
      try {
        return readdirSync(join(this.folder, path)).map((name) => `${path}/${name}`);
      } catch {
        return [];
      }
    };
    return [
      ...list("containers"),
      ...list("volumes"),
      ...list("upper"),
      ...this.world.running,
      ...this.networks.allocated.keys(),
      ...this.networks.published,
      ...this.state.all<{ id: string }>("SELECT id FROM containers").map((row) => `row ${row.id}`),
      ...this.state.all<{ name: string }>("SELECT name FROM volumes").map((row) => `volume ${row.name}`),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.engine.stopping = true;
    this.engine.restarts.close();
    for (const container of this.engine.containers.all()) container.health?.stop();
    this.state.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function settings(folder: string): EngineSettings {
  const runtime = { name: "crun", path: "/usr/bin/crun", arguments: [] };
  return {
    dataRoot: folder,
    execRoot: join(folder, "run"),
    runtimes: {
      defaultName: "crun",
      names: () => ["crun"],
      get: (name) => {
        if (name !== "" && name !== "crun") throw new Error("unknown");
        return runtime;
      },
    },
    shmSize: 64 << 20,
    log: { Type: "json-file", Config: {} },
    ipcMode: "private",
    cgroupnsMode: "",
    cgroupParent: "",
    init: false,
    initPath: "",
    ulimits: [],
    noNewPrivileges: false,
    stopTimeout: 10,
  };
}

/** A create request as the server decodes it: Go's zero values for all that is not said. */
export function request(
  command: string[] | null,
  options: {
    name?: string;
    host?: Partial<HostConfig>;
    config?: Partial<ContainerConfig>;
    apiVersion?: number;
  } = {},
): CreateOptions {
  return {
    ...(options.name === undefined ? {} : { name: options.name }),
    config: { ...emptyConfig(), Image: "bb", Cmd: command, ...options.config },
    hostConfig: { ...emptyHostConfig(), ...options.host },
    networkingConfig: { EndpointsConfig: null },
    apiVersion: options.apiVersion ?? 51,
  };
}

export function emptyConfig(): ContainerConfig {
  return {
    Hostname: "",
    Domainname: "",
    User: "",
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: null,
    Cmd: null,
    Image: "",
    Volumes: null,
    WorkingDir: "",
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
  };
}

export function emptyHostConfig(): HostConfig {
  return {
    Binds: null,
    ContainerIDFile: "",
    LogConfig: { Type: "", Config: null },
    NetworkMode: "",
    PortBindings: null,
    RestartPolicy: { Name: "", MaximumRetryCount: 0 },
    AutoRemove: false,
    VolumeDriver: "",
    VolumesFrom: null,
    ConsoleSize: [0, 0],
    CapAdd: null,
    CapDrop: null,
    CgroupnsMode: "",
    Dns: null,
    DnsOptions: null,
    DnsSearch: null,
    ExtraHosts: null,
    GroupAdd: null,
    IpcMode: "",
    Cgroup: "",
    Links: null,
    OomScoreAdj: 0,
    PidMode: "",
    Privileged: false,
    PublishAllPorts: false,
    ReadonlyRootfs: false,
    SecurityOpt: null,
    UTSMode: "",
    UsernsMode: "",
    ShmSize: 0,
    Isolation: "",
    MaskedPaths: null,
    ReadonlyPaths: null,
    CpuShares: 0,
    Memory: 0,
    NanoCpus: 0,
    CgroupParent: "",
    BlkioWeight: 0,
    BlkioWeightDevice: null,
    BlkioDeviceReadBps: null,
    BlkioDeviceWriteBps: null,
    BlkioDeviceReadIOps: null,
    BlkioDeviceWriteIOps: null,
    CpuPeriod: 0,
    CpuQuota: 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: "",
    CpusetMems: "",
    Devices: null,
    DeviceCgroupRules: null,
    DeviceRequests: null,
    MemoryReservation: 0,
    MemorySwap: 0,
    MemorySwappiness: null,
    OomKillDisable: null,
    PidsLimit: null,
    Ulimits: null,
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}
