import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isKind, log, nowNanoseconds, rfc3339Nano } from "@berth/base";
import { AF, closeQuietly, connect, isErrno, listenUnix, SOCK, socket } from "@berth/linux";
import type { ExitRecord, Launch, Runtime, Shim } from "../runtime.ts";
import type { OciSeccomp } from "../spec/seccomp/profile.ts";
import { connectShim } from "./client.ts";
import { removeShimFolder } from "./folder.ts";
import { type BundleFile, EXIT_FILE, type LaunchFile, SHIM_FILES } from "./launch-file.ts";
import { endOrphans } from "./orphans.ts";
import { HIDE_UNIFIED_CGROUP } from "./protocol.ts";
import { SeccompFiles } from "./seccomp-files.ts";
import { ShimServer } from "./server.ts";

export interface ShimRuntimeOptions {
  /** `--exec-root`. */
  execRoot: string;
  /** Command line of `berth shim-server`. */
  shimServer: readonly string[];
  /** The host's cgroups are hybrid. */
  hideUnifiedCgroup: boolean;
}

/** Digits of a container id in the name of its shim's folder: unix socket paths are short. */
const ID_DIGITS = 16;

/** Runs containers through shims. */
export class ShimRuntime implements Runtime {
  readonly #server: ShimServer;
  readonly #shims: string;
  readonly #runtimeRoot: string;
  readonly #seccomp: SeccompFiles;

  constructor(options: ShimRuntimeOptions) {
    this.#shims = join(options.execRoot, "shim");
    this.#runtimeRoot = join(options.execRoot, "runtime");
    mkdirSync(this.#shims, { recursive: true, mode: 0o700 });
    const seccomp = join(options.execRoot, "seccomp");
    for (const folder of [this.#runtimeRoot, seccomp]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#seccomp = new SeccompFiles(seccomp);
    this.#server = new ShimServer([
      ...options.shimServer,
      ...(options.hideUnifiedCgroup ? [HIDE_UNIFIED_CGROUP] : []),
    ]);
    this.#server.warm();
  }

  announce(): void {
    this.#server.announce();
  }

  async launch(launch: Launch, descriptors: number[]): Promise<Shim> {
    const directory = join(
      this.#shims,
      `${launch.id.slice(0, ID_DIGITS)}-${Math.random().toString(36).slice(2, 8)}`,
    );
    const socket = join(directory, SHIM_FILES.socket);
    let listener = -1;
    try {
      rmSync(join(launch.dataDirectory, EXIT_FILE), { force: true });
      mkdirSync(directory, { mode: 0o700 });
      const { bundle, ...file } = this.#split(launch);
      writeFileSync(join(directory, SHIM_FILES.bundle), JSON.stringify(bundle), { mode: 0o600 });
      writeFileSync(join(directory, SHIM_FILES.launch), JSON.stringify(file), { mode: 0o600 });
      listener = listenUnix(socket);
      this.#server.launch({ directory }, [listener, ...descriptors]);
    } catch (error) {
      removeShimFolder(directory);
      throw error;
    } finally {
      closeQuietly(listener);
      for (const fd of descriptors) closeQuietly(fd);
    }
    const shim = connectShim(launch.id, socket, () => this.#lost(launch.id, launch.dataDirectory, directory));
    shim.ready.catch(() => removeShimFolder(directory));
    return shim;
  }

  #split(launch: Launch): LaunchFile & { bundle: BundleFile } {
    const { spec, rootfs, user, workingDirectory, ...kept } = launch;
    const { seccomp, ...linux } = spec.linux;
    return {
      ...kept,
      runtimeRoot: this.#runtimeRoot,
      command: spec.process.args[0] ?? "",
      ...(linux.cgroupsPath === undefined ? {} : { cgroupsPath: linux.cgroupsPath }),
      reachesHost: spec.mounts.some((mount) => mount.reachesHost === true),
      ownProcesses: linux.namespaces.some(({ type, path }) => type === "pid" && path === undefined),
      bundle: {
        spec: { ...spec, linux },
        rootfs,
        user,
        workingDirectory,
        ...(seccomp === undefined ? {} : this.#seccomp.fieldsFor(seccomp as OciSeccomp, launch.runtime)),
      },
    };
  }

  async recover(id: string, dataDirectory: string): Promise<Shim | ExitRecord | undefined> {
    const prefix = `${id.slice(0, ID_DIGITS)}-`;
    for (const name of readdirSync(this.#shims)) {
      if (!name.startsWith(prefix)) continue;
      const directory = join(this.#shims, name);
      try {
        const shim = connectShim(id, join(directory, SHIM_FILES.socket), () =>
          this.#lost(id, dataDirectory, directory),
        );
        await shim.ready;
        if (shim.started) return shim;
        await shim.abandon();
      } catch (error) {
        if (!isKind(error, "unavailable")) log.debug("a shim ended while it was looked for", { id, error });
        await endOrphans(directory);
        removeShimFolder(directory);
      }
    }
    return readExit(dataDirectory);
  }

  /**
   * Removes the folders of shims that were killed, with what is left of their containers: nobody listens there any more. Call it
   * when what lives was recovered.
   */
  async sweep(): Promise<void> {
    for (const name of readdirSync(this.#shims)) {
      const directory = join(this.#shims, name);
      if (isListening(join(directory, SHIM_FILES.socket))) continue;
      await endOrphans(directory);
      removeShimFolder(directory);
    }
  }

  async close(): Promise<void> {
    this.#server.close();
  }

  /** A started shim's connection broke without an exit message: it left the exit on disk, or it was killed. */
  async #lost(id: string, dataDirectory: string, directory: string): Promise<ExitRecord> {
    const record = readExit(dataDirectory);
    if (record) return record;
    log.error("a container's shim was killed", { id });
    await endOrphans(directory);
    removeShimFolder(directory);
    return {
      exitCode: 137,
      oomKilled: false,
      finishedAt: rfc3339Nano(nowNanoseconds()),
      error: "the container's shim was killed",
    };
  }
}

function isListening(path: string): boolean {
  const client = socket(AF.UNIX, SOCK.STREAM | SOCK.NONBLOCK);
  try {
    connect(client, { family: "unix", path });
    return true;
  } catch (error) {
    // A full queue is a listener's too.
    return isErrno(error, "EAGAIN");
  } finally {
    closeQuietly(client);
  }
}

function readExit(dataDirectory: string): ExitRecord | undefined {
  const path = join(dataDirectory, EXIT_FILE);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ExitRecord;
  } catch {
    return undefined;
  }
}
