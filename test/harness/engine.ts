/** Starting an engine's process for a scope: Berth on the host itself, or Debian's dockerd in namespaces of its own. */
import { closeSync, existsSync, openSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { baseEnvironment, run } from "./command.ts";
import { SCOPE_VARIABLE } from "./leaks.ts";
import type { Scope } from "./scope.ts";
import { eventually } from "./wait.ts";

export type EngineName = "berth" | "docker";

export interface EngineProcess {
  /** The daemon itself. */
  pid: number;
  /** What a command line needs in front to run where the engine's host network is. */
  hostPrefix: string[];
  /** Resolves when the daemon, and for Docker all that belongs to it, has ended. */
  exited: Promise<number>;
  signal(signal: NodeJS.Signals): void;
}

export const BERTH = resolve(import.meta.dir, "../../dist/berth");

/** The engine that tests run on: `BERTH_TEST_ENGINE=docker` proves the tests themselves. */
export function engineOfThisRun(): EngineName {
  return process.env.BERTH_TEST_ENGINE === "docker" ? "docker" : "berth";
}

export function socketOf(scope: Scope): string {
  return join(scope.directory, "engine.sock");
}

/** Address of the scope's default bridge, and where its other networks come from. */
export function addressesOf(scope: Scope): { bip: string; pool: string } {
  return { bip: `10.${scope.block}.0.1/24`, pool: `base=10.${scope.block}.128.0/17,size=24` };
}

function commonFlags(scope: Scope): string[] {
  const { bip, pool } = addressesOf(scope);
  return [
    ...["--data-root", join(scope.directory, "data"), "--exec-root", join(scope.directory, "exec")],
    ...["--pidfile", join(scope.directory, "pid"), "-H", `unix://${socketOf(scope)}`],
    ...["--config-file", join(scope.directory, "daemon.json"), "--bip", bip, "--default-address-pool", pool],
    // A cgroup of its own for all containers, so that what is left of any of them can be found.
    ...["--cgroup-parent", scope.cgroupParent],
  ];
}

/** An address of the engine's host besides loopback, in the namespaces of a private dockerd. */
const DOCKER_HOST_ADDRESS = "198.51.100.1";

/**
 * dockerd in its own mount, network and process namespaces: its iptables rules, its bridge and its fixed paths in /run touch
 * nothing of this machine, and it ends with all that it started.
 */
function dockerCommand(scope: Scope, flags: readonly string[]): string[] {
  const setup = [
    "mount -t proc proc /proc",
    "mount -t tmpfs tmpfs /run",
    "ip link set lo up",
    `ip address add ${DOCKER_HOST_ADDRESS}/32 dev lo`,
    'exec tini -s -- dockerd "$@"',
  ].join(" && ");
  return [
    ...["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"],
    ...["sh", "-c", setup, "dockerd", ...commonFlags(scope)],
    ...["--storage-driver", "overlay2", "--log-level", "warn", ...flags],
  ];
}

async function answers(scope: Scope): Promise<boolean> {
  const response = await fetch("http://engine/_ping", {
    unix: socketOf(scope),
    signal: AbortSignal.timeout(2000),
  });
  return response.ok && (await response.text()) === "OK";
}

/**
 * Starts the engine and waits until it answers. Its output goes to `daemon.log` in the scope's folder.
 * @throws with the end of the log when it ends or does not answer in time.
 */
export async function startEngine(
  engine: EngineName,
  scope: Scope,
  flags: readonly string[],
): Promise<EngineProcess> {
  const logPath = join(scope.directory, "daemon.log");
  const configuration = join(scope.directory, "daemon.json");
  if (!existsSync(configuration)) writeFileSync(configuration, "{}");
  const argv =
    engine === "docker"
      ? dockerCommand(scope, flags)
      : [BERTH, "daemon", ...commonFlags(scope), "--bridge", scope.bridge, ...flags];
  const log = openSync(logPath, "a");
  const child = Bun.spawn(argv, {
    stdin: "ignore",
    stdout: log,
    stderr: log,
    env: { ...baseEnvironment(join(scope.directory, "home")), [SCOPE_VARIABLE]: scope.directory },
  });
  closeSync(log);
  const logTail = async () => (await Bun.file(logPath).text()).slice(-3000);
  await eventually(
    `${engine} answers on ${socketOf(scope)}`,
    async () => {
      if (child.exitCode !== null || child.signalCode !== null) return "ended";
      return (await answers(scope)) && "ready";
    },
    30,
  ).then(
    async (state) => {
      if (state === "ended") throw new Error(`${engine} ended at its start:\n${await logTail()}`);
    },
    async (error: Error) => {
      child.kill("SIGKILL");
      throw new Error(`${error.message}\n${await logTail()}`);
    },
  );
  let pid = child.pid;
  let hostPrefix: string[] = [];
  if (engine === "docker") {
    pid = Number(await pidOfPrivateDockerd(child.pid));
    hostPrefix = ["nsenter", `--net=/proc/${pid}/ns/net`, "--"];
  }
  return {
    pid,
    hostPrefix,
    exited: child.exited,
    signal: (signal) => process.kill(pid, signal),
  };
}

/** unshare → tini → dockerd, seen from outside its process namespace. */
async function pidOfPrivateDockerd(unshare: number): Promise<string> {
  return eventually("dockerd below unshare", async () => {
    const init = (await run(["pgrep", "--parent", String(unshare)])).stdout.trim();
    return (await run(["pgrep", "--parent", init, "--exact", "dockerd"])).stdout.trim();
  });
}
