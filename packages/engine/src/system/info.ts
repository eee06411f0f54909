import { readdirSync } from "node:fs";
import { hostname, machine, release } from "node:os";
import type { SystemInfo, Version } from "@berth/api";
import { nowNanoseconds, rfc3339Nano } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { readOsRelease } from "./os-release.ts";
import { ProgramVersions } from "./program-versions.ts";
import type { SystemSettings } from "./settings.ts";

const GO_ARCHITECTURE: Record<string, string> = { x64: "amd64", ia32: "386" };

/** GET /info and GET /version. */
export class SystemFacts {
  readonly #engine: EngineContext;
  readonly #settings: SystemSettings;
  readonly #programs = new ProgramVersions();
  readonly #os = readOsRelease();
  readonly #backingFilesystem: string;
  /** How many images there are. */
  readonly #images: () => Promise<number>;

  constructor(
    engine: EngineContext,
    settings: SystemSettings,
    parts: { backingFilesystem: string; images: () => Promise<number> },
  ) {
    this.#engine = engine;
    this.#settings = settings;
    this.#backingFilesystem = parts.backingFilesystem;
    this.#images = parts.images;
  }

  async info(): Promise<SystemInfo> {
    const { settings: engine, facts } = this.#engine;
    const settings = this.#settings;
    const counts = { running: 0, paused: 0, stopped: 0 };
    for (const { state } of this.#engine.containers.all()) {
      if (state.paused) counts.paused++;
      else if (state.running) counts.running++;
      else counts.stopped++;
    }
    const runtime = await this.#programs.of(engine.runtimes.get("").path);
    const init = engine.initPath === "" ? undefined : await this.#programs.of(engine.initPath);
    const commit = (id: string) => ({ ID: id, Expected: id });
    return {
      ID: settings.id,
      Containers: counts.running + counts.paused + counts.stopped,
      ContainersRunning: counts.running,
      ContainersPaused: counts.paused,
      ContainersStopped: counts.stopped,
      Images: await this.#images(),
      Driver: this.#engine.snapshots.driver,
      DriverStatus:
        this.#engine.snapshots.driver === "overlay2"
          ? [
              ["Backing Filesystem", this.#backingFilesystem],
              ["Supports d_type", "true"],
              ["Using metacopy", "false"],
              ["Native Overlay Diff", "true"],
              ["userxattr", "false"],
            ]
          : [],
      Plugins: {
        Volume: ["local"],
        Network: ["bridge", "host", "null"],
        Authorization: null,
        Log: ["json-file", "none"],
      },
      MemoryLimit: facts.memoryLimit,
      SwapLimit: facts.swapLimit,
      KernelMemory: facts.kernelMemory,
      KernelMemoryTCP: facts.kernelMemoryTcp,
      CpuCfsPeriod: facts.cpuQuota,
      CpuCfsQuota: facts.cpuQuota,
      CPUShares: facts.cpuShares,
      CPUSet: facts.cpuset,
      PidsLimit: facts.pidsLimit,
      IPv4Forwarding: facts.ipv4Forwarding,
      BridgeNfIptables: facts.bridgeNfIptables,
      BridgeNfIp6tables: facts.bridgeNfIp6tables,
      Debug: settings.debug(),
      NFd: openFiles(),
      OomKillDisable: facts.oomKillDisable,
      NGoroutines: 1,
      SystemTime: rfc3339Nano(nowNanoseconds()),
      LoggingDriver: engine.log.Type,
      CgroupDriver: "cgroupfs",
      CgroupVersion: String(facts.cgroupVersion),
      NEventsListener: this.#engine.events.listeners,
      KernelVersion: release(),
      OperatingSystem: this.#os.name,
      OSVersion: this.#os.version,
      OSType: "linux",
      Architecture: machine(),
      IndexServerAddress: "https://index.docker.io/v1/",
      RegistryConfig: settings.registry,
      NCPU: facts.cpus,
      MemTotal: facts.memoryTotal,
      GenericResources: null,
      DockerRootDir: engine.dataRoot,
      HttpProxy: settings.proxies.http,
      HttpsProxy: settings.proxies.https,
      NoProxy: settings.proxies.no,
      Name: hostname(),
      Labels: [...settings.labels],
      ExperimentalBuild: false,
      ServerVersion: settings.version,
      Runtimes: Object.fromEntries(
        engine.runtimes.names().map((name) => {
          const { path, arguments: words } = engine.runtimes.get(name);
          return [name, words.length > 0 ? { path, runtimeArgs: words } : { path }];
        }),
      ),
      DefaultRuntime: engine.runtimes.defaultName,
      Swarm: {
        NodeID: "",
        NodeAddr: "",
        LocalNodeState: "inactive",
        ControlAvailable: false,
        Error: "",
        RemoteManagers: null,
      },
      LiveRestoreEnabled: settings.liveRestore,
      Isolation: "",
      InitBinary: engine.initPath.split("/").at(-1) ?? "",
      ContainerdCommit: commit(""),
      RuncCommit: commit(runtime.commit || runtime.version),
      InitCommit: commit(init?.version ?? ""),
      SecurityOptions: [
        ...(facts.apparmor ? ["name=apparmor"] : []),
        ...(facts.seccomp ? ["name=seccomp,profile=builtin"] : []),
        ...((engine.cgroupnsMode || (facts.cgroupVersion === 2 ? "private" : "host")) === "private"
          ? ["name=cgroupns"]
          : []),
        ...(engine.noNewPrivileges ? ["name=no-new-privileges"] : []),
      ],
      ...(settings.addressPools.length > 0 ? { DefaultAddressPools: settings.addressPools } : {}),
      Warnings: this.#warnings(),
    };
  }

  async version(): Promise<Version> {
    const settings = this.#settings;
    const { runtimes, initPath } = this.#engine.settings;
    const arch = GO_ARCHITECTURE[process.arch] ?? process.arch;
    const details = {
      ApiVersion: settings.apiVersion,
      Arch: arch,
      BuildTime: settings.buildTime,
      Experimental: "false",
      GitCommit: settings.commit,
      // Clients print it beside the version; the language it names is not Go here.
      GoVersion: `bun${Bun.version}`,
      KernelVersion: release(),
      MinAPIVersion: settings.minimumApiVersion,
      Os: "linux",
    };
    const runtime = runtimes.get("");
    const { version, commit } = await this.#programs.of(runtime.path);
    const components: Version["Components"] = [
      { Name: "Engine", Version: settings.version, Details: details },
      { Name: runtime.name, Version: version, Details: { GitCommit: commit } },
    ];
    if (initPath !== "") {
      const init = await this.#programs.of(initPath);
      components.push({ Name: "docker-init", Version: init.version, Details: { GitCommit: init.commit } });
    }
    return {
      Platform: { Name: "Berth" },
      Components: components,
      Version: settings.version,
      ApiVersion: settings.apiVersion,
      MinAPIVersion: settings.minimumApiVersion,
      GitCommit: settings.commit,
      GoVersion: details.GoVersion,
      Os: "linux",
      Arch: arch,
      KernelVersion: details.KernelVersion,
      BuildTime: settings.buildTime,
    };
  }

  /** What of the host limits what containers can be promised, in the sentences that `docker info` prints. */
  #warnings(): string[] | null {
    const { facts } = this.#engine;
    const warnings: string[] = [];
    const missing = (there: boolean, what: string) => {
      if (!there) warnings.push(`WARNING: ${what}`);
    };
    missing(facts.memoryLimit, "No memory limit support");
    missing(facts.swapLimit, "No swap limit support");
    missing(facts.cpuQuota, "No cpu cfs quota support");
    missing(facts.cpuQuota, "No cpu cfs period support");
    missing(facts.cpuShares, "No cpu shares support");
    missing(facts.cpuset, "No cpuset support");
    if (facts.cgroupVersion === 1) missing(facts.oomKillDisable, "No oom kill disable support");
    missing(facts.ipv4Forwarding, "IPv4 forwarding is disabled");
    return warnings.length > 0 ? warnings : null;
  }
}

function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return -1;
  }
}
