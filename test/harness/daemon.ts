/** A real daemon for a test: started on its own roots, driven by real clients, and ended with nothing left behind. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ApiResponse, requestApi } from "./api.ts";
import { baseEnvironment, type CommandOptions, type CommandResult, run, runOk } from "./command.ts";
import {
  addressesOf,
  BERTH,
  type EngineName,
  type EngineProcess,
  engineOfThisRun,
  socketOf,
  startEngine,
} from "./engine.ts";
import { imageArchives, type TestImage } from "./images.ts";
import { containerIds, leftovers } from "./leaks.ts";
import { createScope, releaseScope, type Scope } from "./scope.ts";
import { clearScope, sweep } from "./sweep.ts";
import { openTerminal, type TerminalSession } from "./terminal.ts";
import { eventually } from "./wait.ts";

export interface DaemonOptions {
  /** Default: the engine of this run. */
  engine?: EngineName;
  /** Loaded before the test begins. */
  images?: readonly TestImage[];
  /** More flags for the daemon. */
  flags?: readonly string[];
  /** The data root is a file system of its own of so many megabytes. */
  dataRootMegabytes?: number;
  /** The exec root is in memory, as /run is on an installed system. */
  execRootInMemory?: boolean;
}

/** The Docker CLI that users have: 28.2.2 where it is installed, else Debian's. */
export const DOCKER = existsSync("/usr/local/bin/docker") ? "/usr/local/bin/docker" : "/usr/bin/docker";
export const DOCKER_20 = "/usr/bin/docker";

export class Daemon {
  readonly engine: EngineName;
  readonly scope: Scope;
  readonly socket: string;
  /** First three numbers of the default bridge's block: `10.201.0`. */
  readonly subnet: string;
  readonly gateway: string;
  private readonly flags: readonly string[];
  private process: EngineProcess;
  private running = true;
  private nextPort: number;
  /** Containers that were seen; their cgroups must be gone at the end. */
  private readonly seen = new Set<string>();

  constructor(engine: EngineName, scope: Scope, flags: readonly string[], started: EngineProcess) {
    this.engine = engine;
    this.scope = scope;
    this.flags = flags;
    this.process = started;
    this.socket = socketOf(scope);
    this.gateway = addressesOf(scope).bip.split("/")[0]!;
    this.subnet = this.gateway.replace(/\.\d+$/, "");
    this.nextPort = 20_000 + (scope.block - 200) * 200;
  }

  get pid(): number {
    return this.process.pid;
  }

  /** What a command line needs in front to run in the host network of the engine. */
  get hostPrefix(): readonly string[] {
    return this.process.hostPrefix;
  }

  get dataRoot(): string {
    return join(this.scope.directory, "data");
  }

  /** Data root and exec root may be mounts of ours. */
  private isOwnMount(path: string): boolean {
    return path === this.dataRoot || path === join(this.scope.directory, "exec");
  }

  /** Environment that points every client at this daemon. */
  environment(more: Record<string, string> = {}): Record<string, string> {
    return {
      ...baseEnvironment(join(this.scope.directory, "home")),
      DOCKER_HOST: `unix://${this.socket}`,
      ...more,
    };
  }

  private argv(command: readonly string[]): string[] {
    const [name, ...rest] = command as [string, ...string[]];
    const program = { docker: DOCKER, docker20: DOCKER_20, berth: BERTH }[name] ?? name;
    return [program, ...rest];
  }

  /** Runs `docker …`, `docker20 …`, `berth …` or any other program against this daemon. */
  async run(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return run(this.argv(command), { ...options, env: this.environment(options.env) });
  }

  /** As `run`; a failing exit status is an error. */
  async ok(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runOk(this.argv(command), { ...options, env: this.environment(options.env) });
  }

  docker(...args: string[]): Promise<CommandResult> {
    return this.run(["docker", ...args]);
  }

  docker20(...args: string[]): Promise<CommandResult> {
    return this.run(["docker20", ...args]);
  }

  berth(...args: string[]): Promise<CommandResult> {
    return this.run(["berth", ...args]);
  }

  /** stdout, without the last line break, of a docker command that must succeed. */
  async out(...args: string[]): Promise<string> {
    return (await this.ok(["docker", ...args])).stdout.replace(/\n$/, "");
  }

  /** Starts a program against this daemon, for streams and terminals. */
  spawn<Options extends Bun.SpawnOptions.SpawnOptions<"pipe" | "ignore", "pipe", "pipe">>(
    command: readonly string[],
    options?: Options,
  ) {
    return Bun.spawn(this.argv(command), {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      ...options,
      env: this.environment(),
    });
  }

  /** Runs a program on a terminal. */
  terminal(command: readonly string[], size?: { columns: number; rows: number }): TerminalSession {
    return openTerminal(this.argv(command), this.environment(), size);
  }

  /** One request to the Engine API; `path` with or without a version. */
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiResponse> {
    return requestApi(this.socket, method, path, body, headers);
  }

  /** Runs a program in the host network of the engine. */
  host(...command: string[]): Promise<CommandResult> {
    return run([...this.process.hostPrefix, ...command], { env: this.environment() });
  }

  /** An address of the engine's host besides loopback and its bridges. */
  async hostAddress(): Promise<string> {
    const { stdout } = await this.host("ip", "-4", "-o", "address", "show", "scope", "global");
    const all = [...stdout.matchAll(/^\d+: (\S+)\s+inet ([\d.]+)/gm)];
    const own = all.find(([, link]) => !/^(br-|bt|docker|veth)/.test(link!));
    if (own === undefined) throw new Error(`this host has no address: ${stdout}`);
    return own[2]!;
  }

  /** A host port that nothing else of this run uses. `count` ports in a row. */
  port(count = 1): number {
    const first = this.nextPort;
    this.nextPort += count;
    return first;
  }

  log(): string {
    return readFileSync(join(this.scope.directory, "daemon.log"), "utf8");
  }

  /** Kills the daemon's process, and waits until it is gone. Containers of Berth run on. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.remember();
    this.process.signal(signal);
    await eventually(
      "the daemon has ended",
      () => !existsSync(`/proc/${this.process.pid}`) || isZombie(this.process.pid),
      30,
    );
    if (signal === "SIGKILL" || this.engine === "berth") await this.process.exited;
    this.running = false;
  }

  /** Starts a daemon again on the same roots. */
  async start(flags: readonly string[] = this.flags): Promise<void> {
    this.process = await startEngine(this.engine, this.scope, flags);
    this.running = true;
  }

  private remember(): void {
    for (const id of containerIds(this.scope)) this.seen.add(id);
  }

  /**
   * Removes all containers, ends the daemon and checks that nothing is left.
   * @throws when the daemon does not end on SIGTERM, or left something behind.
   */
  async stop(): Promise<void> {
    const problems: string[] = [];
    try {
      if (!this.running) await this.start();
      this.remember();
      const ids = (await this.out("ps", "-aq", "--no-trunc")).split("\n").filter(Boolean);
      if (ids.length > 0) await this.ok(["docker", "rm", "-f", "-v", ...ids]);
      await this.ok(["docker", "network", "prune", "-f"]);
      if (this.engine === "berth") {
        problems.push(...(await this.leftAfterRemoval([...this.seen, ...ids])));
        await this.kill("SIGTERM");
        // The shim-server and its helper end when they see that the daemon has: a moment after it.
        const deadline = Date.now() + 5000;
        let left = leftovers(this.scope, [...this.seen]);
        while (left.processes.length > 0 && Date.now() < deadline) {
          await Bun.sleep(20);
          left = leftovers(this.scope, [...this.seen]);
        }
        left.mounts = left.mounts.filter((path) => !this.isOwnMount(path));
        problems.push(...this.describe(left, ["processes", "mounts"]));
      }
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    } finally {
      await clearScope(this.scope, [...this.seen]);
      const log = existsSync(join(this.scope.directory, "daemon.log")) ? this.log() : "";
      releaseScope(this.scope);
      if (problems.length > 0) process.stderr.write(`${log.slice(-4000)}\n`);
    }
    if (problems.length > 0) throw new Error(`left behind:\n${problems.join("\n")}`);
  }

  /** With all containers removed nothing of them may be in the kernel; given a moment, because the kernel is lazy. */
  private async leftAfterRemoval(ids: readonly string[]): Promise<string[]> {
    const ofContainers = (): string[] => {
      const left = leftovers(this.scope, ids);
      left.links = left.links.filter((link) => link !== this.scope.bridge);
      left.mounts = left.mounts.filter((path) => !this.isOwnMount(path));
      left.cgroups = left.cgroups.filter((path) => !path.endsWith(this.scope.cgroupParent));
      return this.describe(left, ["links", "cgroups", "mounts"]);
    };
    try {
      await eventually("nothing of removed containers is left", () => ofContainers().length === 0, 10);
      return [];
    } catch {
      return ofContainers();
    }
  }

  private describe(left: ReturnType<typeof leftovers>, kinds: readonly (keyof typeof left)[]): string[] {
    return kinds.flatMap((kind) =>
      left[kind].map((item) => `${kind}: ${typeof item === "string" ? item : JSON.stringify(item)}`),
    );
  }
}

function isZombie(pid: number): boolean {
  return /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

async function mountMemory(scope: Scope, name: string, megabytes: number): Promise<void> {
  const path = join(scope.directory, name);
  mkdirSync(path);
  await runOk(["mount", "-t", "tmpfs", "-o", `size=${megabytes}m`, "berth-test", path]);
}

/** Starts a daemon in a new scope, with images loaded. */
export async function startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  await sweep();
  const engine = options.engine ?? engineOfThisRun();
  // Before the scope: making an archive starts a daemon of its own.
  const archives = await imageArchives(options.images ?? []);
  const scope = createScope();
  try {
    if (options.dataRootMegabytes !== undefined) await mountMemory(scope, "data", options.dataRootMegabytes);
    if (options.execRootInMemory) await mountMemory(scope, "exec", 1024);
    const daemon = new Daemon(
      engine,
      scope,
      options.flags ?? [],
      await startEngine(engine, scope, options.flags ?? []),
    );
    for (const archive of archives)
      await daemon.ok(["docker", "load", "-q", "-i", archive], { seconds: 120 });
    return daemon;
  } catch (error) {
    await clearScope(scope);
    releaseScope(scope);
    throw error;
  }
}
