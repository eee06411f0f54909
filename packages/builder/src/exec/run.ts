import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostConfig } from "@berth/api";
import { type Digest, invalidParameter, log, messageOf, newId } from "@berth/base";
import type { SandboxPlan } from "@berth/network";
import type { Launch } from "@berth/runtime";
import type { RunNode } from "../graph/operation.ts";
import { layerFolders, type NewLayer } from "../layers/new-layer.ts";
import { LayerStack } from "../layers/stack.ts";
import type { BuilderParts } from "../parts.ts";
import { cleanPlaces } from "./clean-places.ts";
import type { StepLog } from "./step-log.ts";
import { type MountParts, prepareMounts } from "./step-mounts.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DEFAULT_HOSTNAME = "buildkitsandbox";
const KILL = 9;
const STEPS = "run";
/** In front of the container whose network a step shares. */
const CONTAINER = "container:";

/** What a build asks of all its RUN steps. */
export interface RunOptions {
  /** `default`, `none`, `host` or a network's name. */
  networkMode: string;
  addHosts: readonly string[];
  hostConfig: Partial<HostConfig>;
  entitlements: readonly string[];
}

/** How a step's process ended. */
export interface RunOutcome {
  exitCode: number;
  oomKilled: boolean;
}

/**
 * Executes a RUN in a container of its own, whose root file system is `layer`. Its end leaves nothing: no mounts, no network,
 * no control group; when `signal` fires it is killed first.
 * @throws with Docker's sentences when it cannot be started; the signal's reason
 */
export async function runStep(
  parts: BuilderParts,
  node: RunNode,
  chain: readonly Digest[],
  layer: NewLayer,
  mountParts: Omit<MountParts, "folder" | "privateFolder">,
  options: RunOptions,
  output: StepLog,
  signal: AbortSignal,
): Promise<RunOutcome> {
  await using undo = new AsyncDisposableStack();
  parts.runtime.announce();
  const id = newId();
  const folder = join(stepsFolder(parts), id);
  const privateFolder = join(parts.execRoot, "build", id);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  undo.defer(() => {
    parts.snapshots.throwAway(folder);
    rmSync(privateFolder, { recursive: true, force: true });
  });

  const prepared = undo.use(await prepareMounts(node, { ...mountParts, folder, privateFolder }, signal));
  const hostname = node.hostname ?? DEFAULT_HOSTNAME;
  const mode = networkOf(node, options);
  const network = await joinNetwork(parts, id, hostname, mode);
  undo.defer(network.release);
  const env = environment(node, prepared.env);
  if ([...node.argv, ...env].some((text) => text.includes("\0")))
    throw invalidParameter("the command or its environment has a NUL byte: no program can be given that");
  const files = writeFiles(parts, folder, hostname, network, options.addHosts);
  const hostConfig = {
    ...hostConfigOf(parts, node, options),
    ...(network.shared && { NetworkMode: network.shared }),
  };
  const spec = parts.buildSpec({
    id,
    config: { Hostname: hostname, Domainname: "", WorkingDir: node.cwd, Tty: false },
    hostConfig,
    args: node.argv,
    env,
    mounts: prepared.mounts,
    files,
    ...(network.plan.joinPath && { joins: { network: network.plan.joinPath } }),
    cgroupParent: hostConfig.CgroupParent || parts.settings.cgroupParent,
    defaultUlimits: parts.settings.ulimits,
    defaultShmSize: parts.settings.shmSize,
  });
  const launch: Launch = {
    id,
    dataDirectory: folder,
    rootfs: layer.rootfs,
    once: true,
    spec,
    user: node.user,
    groupAdd: [],
    tty: false,
    openStdin: false,
    stdinOnce: false,
    log: { driver: "none" },
    network: network.plan,
    ports: [],
    runtime: parts.ociRuntime(hostConfig.Runtime ?? ""),
    workingDirectory: node.cwd,
  };
  signal.throwIfAborted();
  const shim = await parts.runtime.launch(launch, []);
  let started = false;
  undo.defer(async () => {
    if (!started) await shim.abandon();
  });
  const stream = await shim.attach({ stdin: false, stdout: true, stderr: true });
  const drained = new Promise<void>((resolve) => stream.onEnd(resolve));
  stream.onData((bytes) => output.frames(bytes));
  await network.publish();
  await shim.start();
  started = true;
  const kill = () => {
    shim.kill(KILL).catch((error) => log.debug("a step that is cancelled ended before", { id, error }));
  };
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  const [record] = await Promise.all([shim.exited, drained]);
  signal.removeEventListener("abort", kill);
  shim.recorded();
  signal.throwIfAborted();
  cleanPlaces(
    layer.folder,
    new LayerStack(layerFolders(parts.snapshots, chain)),
    [...spec.mounts.map((mount) => mount.destination), "/.dockerenv"],
    parts.snapshots.driver !== "vfs",
  );
  return { exitCode: record.exitCode, oomKilled: record.oomKilled };
}

/** `<data-root>/build/run/<id>`: there only while a step runs. */
function stepsFolder(parts: Pick<BuilderParts, "dataRoot">): string {
  return join(parts.dataRoot, "build", STEPS);
}

/** Ends what steps of a daemon that was killed have left. */
export async function recoverSteps(parts: BuilderParts): Promise<void> {
  const root = stepsFolder(parts);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const id of readdirSync(root)) {
    try {
      const found = await parts.runtime.recover(id, join(root, id));
      if (found !== undefined && "kill" in found) {
        await found.kill(KILL);
        await found.exited;
        found.recorded();
      }
    } catch (error) {
      log.warn("a build step of an earlier daemon could not be ended", { id, error: messageOf(error) });
    }
    await parts.networks.release(id);
    parts.snapshots.throwAway(join(root, id));
  }
  rmSync(join(parts.execRoot, "build"), { recursive: true, force: true });
}

function networkOf(node: RunNode, options: RunOptions): string {
  if (
    node.network === "host" &&
    options.networkMode !== "host" &&
    !options.entitlements.includes("network.host")
  ) {
    throw invalidParameter("network.host is not allowed", { hint: "Build with --allow network.host." });
  }
  if (node.network !== "default") return node.network;
  return options.networkMode || "default";
}

interface StepNetwork {
  plan: SandboxPlan;
  /** Whose it is, as HostConfig.NetworkMode says it; absent: the step's own. */
  shared?: string;
  /** What `/etc/hosts` begins with. */
  hosts: string;
  resolvConf: string;
  address: string;
  publish(): Promise<void>;
  release(): Promise<void>;
}

async function joinNetwork(
  parts: BuilderParts,
  id: string,
  hostname: string,
  mode: string,
): Promise<StepNetwork> {
  const nothing = async () => {};
  const unmanaged = { address: "", publish: nothing, release: nothing };
  if (mode === "none") {
    return { ...unmanaged, plan: { mode, endpoints: [] }, hosts: LOCAL, resolvConf: "" };
  }
  if (mode === "host") {
    const hosts = readIfThere("/etc/hosts") || LOCAL;
    const resolvConf = readIfThere("/etc/resolv.conf");
    return { ...unmanaged, plan: { mode, endpoints: [] }, shared: mode, hosts, resolvConf };
  }
  if (mode.startsWith(CONTAINER)) {
    const { namespace, hosts, resolvConf } = parts.networkOfContainer(mode.slice(CONTAINER.length));
    return {
      ...unmanaged,
      plan: { mode: "join", joinPath: namespace, endpoints: [] },
      shared: mode,
      hosts: readIfThere(hosts),
      resolvConf: readIfThere(resolvConf),
    };
  }
  const sandbox = await parts.networks.allocate({
    containerId: id,
    containerName: `build-${id.slice(0, 12)}`,
    hostname,
    endpoints: [{ network: mode === "default" ? "bridge" : mode }],
    ports: [],
    dns: parts.settings.dns,
  });
  return {
    plan: sandbox.plan,
    resolvConf: sandbox.resolvConf,
    hosts: LOCAL,
    address: sandbox.endpoints[0]?.ipAddress ?? "",
    publish: () => parts.networks.publish(id),
    release: () => parts.networks.release(id),
  };
}

const LOCAL = `127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
ff00::0	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
`;

/** A step's own `/etc/hosts` and `/etc/resolv.conf`; `/etc/hostname` is the image's, as in BuildKit, and may be written. */
function writeFiles(
  parts: BuilderParts,
  folder: string,
  hostname: string,
  network: StepNetwork,
  addHosts: readonly string[],
) {
  const files = { hosts: join(folder, "hosts"), resolvConf: join(folder, "resolv.conf") };
  const lines = [network.hosts];
  for (const entry of addHosts) {
    const separator = entry.search(/[:=]/);
    if (separator < 1) throw invalidParameter(`bad format for add-host: "${entry}"`);
    const address = entry.slice(separator + 1).replace(/^\[(.*)\]$/, "$1");
    const resolved = address === "host-gateway" ? parts.networks.hostGateway() : address;
    lines.push(`${resolved}\t${entry.slice(0, separator)}\n`);
  }
  if (network.address !== "") lines.push(`${network.address}\t${hostname}\n`);
  writeFileSync(files.hosts, lines.join(""), { mode: 0o644 });
  writeFileSync(files.resolvConf, network.resolvConf, { mode: 0o644 });
  return files;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function hostConfigOf(parts: BuilderParts, node: RunNode, options: RunOptions): HostConfig {
  const config = { ...parts.defaultHostConfig(), ...options.hostConfig };
  if (node.security === "insecure") {
    if (!options.entitlements.includes("security.insecure")) {
      throw invalidParameter("security.insecure is not allowed", {
        hint: "Build with --allow security.insecure.",
      });
    }
    config.Privileged = true;
  }
  return config;
}

/** Proxies are seen by the process only; what the Dockerfile sets wins. */
function environment(node: RunNode, secrets: readonly string[]): string[] {
  const values = new Map<string, string>([["PATH", DEFAULT_PATH]]);
  for (const entry of [...node.proxyEnv, ...node.env, ...secrets]) {
    const equals = entry.indexOf("=");
    if (equals > 0) values.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return [...values].map(([name, value]) => `${name}=${value}`);
}
