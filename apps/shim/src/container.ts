import { rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf, nowNanoseconds, quietly, rfc3339Nano } from "@berth/base";
import { EPOLL, getpid, kill, type Loop, lowerPriority, SIG, setWindowSize } from "@berth/linux";
import { JsonFileWriter, type LogSink } from "@berth/logging";
import type { PortSocket, SandboxPlan } from "@berth/network";
import {
  cgroupOf,
  type ExecRequest,
  type ExitRecord,
  type Failure,
  type LaunchFile,
  runtimeFolder,
  SHIM_FILES,
  type Started,
} from "@berth/runtime";
import { unmountBundle } from "./bundle.ts";
import type { BundleMaker } from "./bundle-maker.ts";
import type { Children } from "./children.ts";
import { GzipCompressor } from "./compress-log.ts";
import { ContainerNetwork } from "./container-network.ts";
import { Execs } from "./execs.ts";
import { NonBlockingLog } from "./non-blocking-log.ts";
import { runOci } from "./oci-process.ts";
import { ProcessIo } from "./process-io.ts";

/** How long output is awaited after the last process of a container is gone: the kernel closes its pipes at once, so this is a guard only. */
const DRAIN_PATIENCE_MS = 2000;

export interface ContainerEvents {
  /** The process is gone, and all of its output is read. */
  ended(record: ExitRecord): void;
  /** What the container had is gone too, but its root filesystem's mount. Comes right after `ended`. */
  exited(): void;
  execExited(execId: string, exitCode: number): void;
}

/** One container: what it owns is made by `prepare`, its process by `start`; all of it is gone when `exited` is told. */
export class Container implements Disposable {
  readonly io: ProcessIo;
  readonly execs: Execs;
  started: Started | undefined;
  readonly #loop: Loop;
  readonly #children: Children;
  readonly #launch: LaunchFile;
  readonly #directory: string;
  readonly #events: ContainerEvents;
  readonly #log: LogSink | undefined;
  readonly #logFile: JsonFileWriter | undefined;
  #network: ContainerNetwork | undefined;
  /** Closed, with interfaces that are still to be removed. */
  #closedNetwork: ContainerNetwork | undefined;
  #mounted = false;
  /** The OCI runtime was called. */
  #begun = false;
  /** The process is to be killed as soon as it is there. */
  #unwanted = false;
  #size: { rows: number; columns: number } | undefined;

  constructor(
    loop: Loop,
    children: Children,
    launch: LaunchFile,
    directory: string,
    events: ContainerEvents,
  ) {
    this.#loop = loop;
    this.#children = children;
    this.#launch = launch;
    this.#directory = directory;
    this.#events = events;
    this.#size = launch.consoleSize;
    if (launch.log.driver === "json-file") {
      const { path, maxSize, maxFiles, compress, attributes, buffer } = launch.log;
      const file = new JsonFileWriter(path, {
        maxSize,
        maxFiles,
        attributes,
        ...(compress ? { compress: new GzipCompressor() } : {}),
      });
      this.#logFile = file;
      this.#log = buffer === undefined ? file : new NonBlockingLog(loop, file, buffer);
    }
    this.io = new ProcessIo({ loop, tty: launch.tty, stdinOnce: launch.stdinOnce, log: this.#log });
    this.execs = new Execs(
      loop,
      children,
      launch,
      directory,
      () => this.started,
      (id, code) => events.execExited(id, code),
    );
  }

  /**
   * Network, root filesystem and `config.json`, in the mount namespace that this process is in. `ports`: descriptors of the
   * published ports, owned from now on; `maker` has begun. `done` is told what failed; call `cleanUp` then.
   */
  prepare(ports: number[], maker: BundleMaker, done: (failure?: unknown) => void): void {
    const launch = this.#launch;
    this.#mounted = true;
    try {
      const network = new ContainerNetwork(
        this.#loop,
        launch.network as SandboxPlan,
        launch.ports as PortSocket[],
        ports,
      );
      this.#network = network;
      maker.finish(network.namespace);
    } catch (error) {
      maker.giveUp();
      done(error);
      return;
    }
    // Meanwhile the daemon is listened to.
    const { descriptor } = maker;
    this.#loop.add(descriptor, EPOLL.IN, () => {
      this.#loop.remove(descriptor);
      try {
        launch.runtime = { ...launch.runtime, path: maker.answer() };
        this.#network?.begin();
      } catch (error) {
        done(error);
        return;
      }
      done();
    });
  }

  start(done: (outcome: { started: Started } | { error: Failure }) => void): void {
    const launch = this.#launch;
    this.#begun = true;
    runOci(
      this.#loop,
      this.#children,
      {
        launch,
        phase: "create",
        arguments: ["run", "--detach", "--bundle", this.#directory],
        command: launch.command,
        pidFile: join(this.#directory, SHIM_FILES.pid),
        tty: launch.tty,
        stdin: launch.openStdin,
        stdout: true,
        stderr: true,
        consoleSize: this.#size,
      },
      (outcome) => {
        if ("error" in outcome) {
          done(outcome);
          return;
        }
        this.started = { pid: outcome.pid, startedAt: now() };
        this.io.begin(outcome.io);
        done({ started: this.started });
        if (this.#unwanted) this.kill(SIG.KILL);
        this.#children.onExit(outcome.pid, (code) => this.#ended(code));
      },
    );
  }

  kill(signal: number): void {
    if (this.started) kill(this.started.pid, signal);
  }

  /** Ends it whatever it is doing. False: there is no process and none will come, so that nothing will tell of its end. */
  end(): boolean {
    this.#unwanted = true;
    this.kill(SIG.KILL);
    return this.#begun;
  }

  resize(rows: number, columns: number): void {
    this.#size = { rows, columns };
    if (this.io.terminal >= 0) setWindowSize(this.io.terminal, { rows, columns });
  }

  get network(): ContainerNetwork | undefined {
    return this.#network;
  }

  #ended(exitCode: number): void {
    const finishedAt = now();
    const cgroup = cgroupOf(this.#launch);
    // With a pid namespace of its own, the container's processes died with its init; without one they must be ended.
    if (!this.#launch.ownProcesses) {
      for (const pid of cgroup?.pids() ?? []) if (pid !== getpid()) quietly(() => kill(pid, SIG.KILL));
    }
    this.io.ended(DRAIN_PATIENCE_MS, () => {
      this.#log?.end(now());
      const oomKilled = (quietly(() => cgroup?.oomKills()) ?? 0) > 0;
      const record = { exitCode, oomKilled, finishedAt };
      this.#closeNetwork();
      // A container that is removed now is not started again: nobody need wait for what is left of it to go.
      if (this.#launch.once) {
        this.#events.ended(record);
        lowerPriority();
      }
      this.cleanUp();
      if (!this.#launch.once) this.#events.ended(record);
      this.#events.exited();
    });
  }

  /** Frees everything but the root filesystem's mount, the shim's folder and the clients' connections. Idempotent; never throws. */
  cleanUp(): void {
    this.#closeNetwork();
    this.#removeCgroup(50);
    // Last: by this folder the next shim of this container knows that something may be left.
    rmSync(runtimeFolder(this.#launch), { recursive: true, force: true });
  }

  /** Closes its log, when all else is gone. */
  [Symbol.dispose](): void {
    this.#logFile?.[Symbol.dispose]();
  }

  #closeNetwork(): void {
    this.execs.close();
    this.#network?.close();
    this.#closedNetwork ??= this.#network;
    this.#network = undefined;
  }

  /** The last of the clean-up: takes tens of milliseconds, for which nobody need wait. Never throws. */
  removeInterfaces(): void {
    quietly(() => this.#closedNetwork?.removeInterfaces());
  }

  /**
   * Takes the root filesystem's mount away. It writes the upper layer to the disk, which can take long; the daemon need not wait
   * for it, since a new mount of the same layers sees all that this one wrote. Never throws.
   */
  unmount(): void {
    if (!this.#mounted) return;
    this.#mounted = false;
    quietly(() => unmountBundle(this.#directory));
  }

  #removeCgroup(attempts: number): void {
    try {
      cgroupOf(this.#launch)?.remove();
    } catch {
      // Processes that were just killed may take a moment to leave.
      if (attempts > 0) this.#loop.timer(20, () => this.#removeCgroup(attempts - 1));
    }
  }
}

export function toFailure(error: unknown): Failure {
  return { message: messageOf(error) };
}

function now(): string {
  return rfc3339Nano(nowNanoseconds());
}

export type { ExecRequest };
