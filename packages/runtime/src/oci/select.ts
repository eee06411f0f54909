import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BerthError, invalidParameter, log, messageOf, newId } from "@berth/base";
import type { Launch, OciRuntime, Runtime } from "../runtime.ts";

const FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** In the order of preference: crun starts a container in a third of runc's time (docs/design/001-processes.md). */
const KNOWN = ["crun", "runc"] as const;

/** Full path of a program; undefined when it is not installed. */
function findProgram(name: string): string | undefined {
  if (name.includes("/")) return existsSync(name) ? name : undefined;
  return FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/**
 * The OCI runtimes that users can name with `--runtime`: crun and runc where they are installed, and those of `--add-runtime`.
 * `io.containerd.runc.v2`, Docker's own name for its default, means the default one.
 */
export class OciRuntimes {
  readonly #runtimes = new Map<string, OciRuntime>();
  #default: string;

  /** `added`: name → program and arguments. @throws invalid-parameter when none is there, or the default is unknown. */
  constructor(
    added: Readonly<Record<string, { path: string; arguments?: string[] }>>,
    defaultName: string | undefined,
  ) {
    for (const name of KNOWN) {
      const path = findProgram(name);
      if (path !== undefined) this.#runtimes.set(name, { name, path, arguments: [] });
    }
    for (const [name, { path, arguments: arguments_ = [] }] of Object.entries(added)) {
      const found = findProgram(path);
      if (found === undefined) throw invalidParameter(`runtime ${name}: no program at ${path}`);
      this.#runtimes.set(name, { name, path: found, arguments: arguments_ });
    }
    const first = defaultName ?? KNOWN.find((name) => this.#runtimes.has(name));
    if (first === undefined) {
      throw invalidParameter("no OCI runtime is installed", { hint: "Install one: apt-get install crun" });
    }
    this.#default = first;
    if (!this.#runtimes.has(first))
      throw invalidParameter(`specified default runtime '${first}' does not exist`);
  }

  get defaultName(): string {
    return this.#default;
  }

  names(): string[] {
    return [...this.#runtimes.keys()];
  }

  /** `name`: of HostConfig.Runtime; empty: the default. @throws invalid-parameter with Docker's sentence. */
  get(name = ""): OciRuntime {
    const wanted = name === "" || name === "io.containerd.runc.v2" ? this.#default : name;
    const runtime = this.#runtimes.get(wanted);
    if (runtime === undefined) throw invalidParameter(`unknown or invalid runtime name: ${name}`);
    return runtime;
  }

  /**
   * Tries the default by starting a container whose program does not exist: all that a host can refuse (cgroups, namespaces, mounts)
   * comes before that. When it is refused, the next known runtime becomes the default.
   */
  async try(runtime: Runtime, scratch: string): Promise<void> {
    for (const name of [this.#default, ...KNOWN.filter((known) => known !== this.#default)]) {
      const candidate = this.#runtimes.get(name);
      if (candidate === undefined) continue;
      const problem = await attempt(runtime, candidate, scratch);
      if (problem === undefined) {
        if (name !== this.#default)
          log.warn(`${this.#default} does not work on this host, ${name} is the default now`);
        this.#default = name;
        return;
      }
      log.warn(`the OCI runtime ${name} does not work on this host`, { error: problem });
    }
  }
}

/** Undefined when the runtime works; else what it said. */
async function attempt(
  runtime: Runtime,
  candidate: OciRuntime,
  scratch: string,
): Promise<string | undefined> {
  const id = newId();
  const folder = join(scratch, id.slice(0, 12));
  const rootfs = join(folder, "rootfs");
  for (const name of ["proc", "dev", "sys"]) mkdirSync(join(rootfs, name), { recursive: true });
  try {
    const shim = await runtime.launch(trial(id, folder, rootfs, candidate), []);
    await shim.start();
    return "it ran a program that does not exist";
  } catch (error) {
    if (error instanceof BerthError && error.exitCode === 127) return undefined;
    return messageOf(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function trial(id: string, folder: string, rootfs: string, runtime: OciRuntime): Launch {
  return {
    id,
    dataDirectory: folder,
    rootfs: { kind: "directory", path: rootfs },
    spec: {
      ociVersion: "1.0.2",
      process: { args: ["/berth-trial"], env: ["PATH=/bin"], cwd: "/" },
      root: { path: rootfs },
      mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
      linux: {
        cgroupsPath: `/berth/${id}`,
        namespaces: [{ type: "pid" }, { type: "mount" }, { type: "ipc" }, { type: "uts" }],
        resources: { pids: { limit: 32 } },
      },
    },
    user: "",
    groupAdd: [],
    tty: false,
    openStdin: false,
    stdinOnce: false,
    log: { driver: "none" },
    network: { mode: "none", endpoints: [] },
    ports: [],
    runtime,
    workingDirectory: "/",
  };
}
