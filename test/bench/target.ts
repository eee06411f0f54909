/** What is measured: Docker, Podman, Berth, and the floor (crun alone), each ready to run commands. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { baseEnvironment, runOk } from "../harness/command.ts";
import { DOCKER, startDaemon } from "../harness/daemon.ts";
import { BERTH } from "../harness/engine.ts";
import { imageArchive } from "../harness/images.ts";
import { leftovers, SCOPE_VARIABLE } from "../harness/leaks.ts";
import { createScope, releaseScope, type Scope } from "../harness/scope.ts";
import { clearScope } from "../harness/sweep.ts";
import type { Answer, Request } from "./worker.ts";

export interface Target {
  name: string;
  /** The client with the options it needs in front. */
  client: readonly string[];
  measure(argv: readonly string[], keep?: number): Promise<Answer>;
  /** What a command line needs in front to run where the engine's network is. */
  network(): readonly string[];
  /** Processes of the engine, without those inside containers. */
  processes(): number[];
  stop(): Promise<void>;
}

/** What containers run while memory is measured; told from the engine by this command line. */
export const SLEEP = ["sleep", "98765"];

/** A worker process, and questions to it one after the other. */
function startWorker(prefix: readonly string[], env: Record<string, string>) {
  const child = Bun.spawn([...prefix, process.execPath, join(import.meta.dir, "worker.ts")], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    env,
  });
  const reader = child.stdout.getReader();
  let rest = "";
  const line = async (): Promise<string> => {
    for (;;) {
      const end = rest.indexOf("\n");
      if (end >= 0) {
        const found = rest.slice(0, end);
        rest = rest.slice(end + 1);
        return found;
      }
      const { done, value } = await reader.read();
      if (done) throw new Error("the measuring worker ended");
      rest += new TextDecoder().decode(value);
    }
  };
  return {
    pid: child.pid,
    async measure(argv: readonly string[], keep = 0): Promise<Answer> {
      const request: Request = { argv: [...argv], keep };
      child.stdin.write(`${JSON.stringify(request)}\n`);
      await child.stdin.flush();
      return JSON.parse(await line()) as Answer;
    },
    async stop(): Promise<void> {
      await child.stdin.end();
      await child.exited;
    },
  };
}

function isContainerProcess(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(`${SLEEP.join("\0")}\0`);
  } catch {
    return true;
  }
}

/** All processes below `root`, seen from here. */
function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // Ended meanwhile.
    }
  }
  const found: number[] = [];
  const visit = (pid: number): void => {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      visit(child);
    }
  };
  visit(root);
  return found;
}

/** Docker, or Berth driven by its own client; `client` may also be the Docker CLI on Berth. */
export async function startDaemonTargets(): Promise<Target[]> {
  const docker = await startDaemon({ engine: "docker", images: ["busybox"], execRootInMemory: true });
  const targets: Target[] = [];
  const dockerWorker = startWorker([], docker.environment());
  // unshare and tini are ours, dockerd and what is below it is the engine.
  targets.push({
    name: "docker",
    client: [DOCKER],
    measure: dockerWorker.measure,
    network: () => docker.hostPrefix,
    processes: () =>
      [docker.pid, ...descendants(docker.pid), ...shims(docker.scope)].filter(
        (pid, index, all) => all.indexOf(pid) === index && !isContainerProcess(pid),
      ),
    stop: async () => {
      await dockerWorker.stop();
      await docker.stop();
    },
  });
  if (await Bun.file(BERTH).exists()) {
    const berth = await startDaemon({ engine: "berth", images: ["busybox"], execRootInMemory: true });
    const worker = startWorker([], berth.environment());
    const processes = () =>
      leftovers(berth.scope)
        .processes.map(({ pid }) => pid)
        .filter((pid) => pid !== worker.pid && !isContainerProcess(pid));
    targets.push({
      name: "berth",
      client: [BERTH],
      measure: worker.measure,
      network: () => [],
      processes,
      stop: async () => {
        await worker.stop();
        await berth.stop();
      },
    });
    targets.push({
      name: "docker CLI on berth",
      client: [DOCKER],
      measure: worker.measure,
      network: () => [],
      processes,
      stop: async () => {},
    });
  }
  return targets;
}

/** containerd's shims: started by dockerd's containerd, but children of process 1 of its namespace. */
function shims(scope: Scope): number[] {
  return leftovers(scope)
    .processes.filter(({ command }) => /containerd-shim|docker-proxy/.test(command))
    .map(({ pid }) => pid);
}

const PODMAN_SETUP = `
set -e
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
ip link set lo up
# Debian's crun refuses hybrid cgroups; without the v2 half it is content.
umount /sys/fs/cgroup/unified 2>/dev/null || true
exec tini -s -- "$@"
`;

/** Podman with its own storage in namespaces of its own; it has no daemon. */
export async function startPodman(): Promise<Target> {
  const scope = createScope();
  const archive = await imageArchive("busybox");
  const root = join(scope.directory, "podman");
  mkdirSync(root);
  const configuration = join(scope.directory, "containers.conf");
  // The rest as Debian ships it; raising limits needs a capability that test machines may lack, and there is no journal.
  writeFileSync(
    configuration,
    `[containers]\nlog_driver = "k8s-file"\ndefault_ulimits = []\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n`,
  );
  const { DOCKER_CONFIG: _, ...environment } = baseEnvironment(join(scope.directory, "home"));
  const env = {
    ...environment,
    CONTAINERS_CONF: configuration,
    [SCOPE_VARIABLE]: scope.directory,
  };
  const worker = startWorker(
    [
      "unshare",
      "--mount",
      "--net",
      "--pid",
      "--fork",
      "--kill-child",
      "--propagation",
      "private",
      "sh",
      "-c",
      PODMAN_SETUP,
      "podman",
    ],
    env,
  );
  const client = ["podman", "--root", root, "--runroot", "/run/podman", "--tmpdir", "/run/podman-tmp"];
  const load = await worker.measure([...client, "load", "-q", "-i", archive]);
  if (load.exitCode !== 0) throw new Error(`podman load: ${load.stderr}`);
  return {
    name: "podman",
    client,
    measure: worker.measure,
    // The worker's child is in the namespaces that podman runs in.
    network: () => ["nsenter", "-n", "-t", String(descendants(worker.pid)[0] ?? worker.pid)],
    processes: () =>
      descendants(worker.pid).filter(
        (pid) =>
          !isContainerProcess(pid) &&
          !/worker\.ts|^tini|^unshare/.test(
            readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "),
          ),
      ),
    stop: async () => {
      await worker.stop();
      await clearScope(scope);
      releaseScope(scope);
    },
  };
}

/** The floor: `crun run` of the same root filesystem, with nothing around it. */
export async function startFloor(): Promise<Target> {
  const scope = createScope();
  const bundle = join(scope.directory, "bundle");
  mkdirSync(join(bundle, "rootfs"), { recursive: true });
  const archive = await imageArchive("busybox");
  const unpacked = join(scope.directory, "image");
  mkdirSync(unpacked);
  await runOk(["tar", "-xf", archive, "-C", unpacked]);
  const [{ Layers }] = JSON.parse(readFileSync(join(unpacked, "manifest.json"), "utf8")) as [
    { Layers: string[] },
  ];
  for (const layer of Layers)
    await runOk(["tar", "-xf", join(unpacked, layer), "-C", join(bundle, "rootfs")]);
  await runOk(["crun", "spec"], { cwd: bundle });
  const specification = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as {
    process: { args: string[]; terminal: boolean };
  };
  specification.process = { ...specification.process, args: ["true"], terminal: false };
  writeFileSync(join(bundle, "config.json"), JSON.stringify(specification));
  const worker = startWorker(
    [
      "unshare",
      "--mount",
      "--propagation",
      "private",
      "sh",
      "-c",
      'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"',
      "crun",
    ],
    { ...baseEnvironment(join(scope.directory, "home")), [SCOPE_VARIABLE]: scope.directory },
  );
  return {
    name: "crun",
    client: ["crun", "--root", join(scope.directory, "crun"), "run", "--bundle", bundle],
    measure: worker.measure,
    network: () => [],
    processes: () => [],
    stop: async () => {
      await worker.stop();
      await clearScope(scope);
      releaseScope(scope);
    },
  };
}
