import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  AF,
  closeQuietly,
  connect,
  EPOLL,
  ErrandServer,
  exitNow,
  fork,
  kill,
  listenUnix,
  O,
  type Order,
  PR,
  pipe2,
  prctl,
  read,
  SIG,
  SOCK,
  sendmsg,
  socket,
  socketpair,
  type TakeOrder,
  writeAll,
} from "@berth/linux";
import type { EndpointPlan, PortSocket, SandboxPlan } from "@berth/network";
import {
  type BundleFile,
  type ControlRequest,
  type Hello,
  type LaunchFile,
  type LaunchMessage,
  SHIM_FILES,
} from "@berth/runtime";
import { BundleWork } from "./bundle-work.ts";
import { serve } from "./server.ts";
import { OWN_PROCESS, type ShimProcess } from "./shim-process.ts";

const SHELL = "/bin/sh";
/**
 * In the place of an OCI runtime: leaves a process behind that writes a line, and lives until it is killed or the rehearsing process
 * is gone, whose end closes its input. `$9`: the file for its id.
 */
const RUNTIME = 'exec 3<&0; { echo rehearsed; read line <&3; } & echo $! >"$9"';
/** Most of a rehearsal is the shell's start. */
const PATIENCE_MS = 2000;

export interface Rehearsal {
  hideUnifiedCgroup: boolean;
  /** Of a network that is there. */
  endpoint: EndpointPlan;
  /** A client is there when the container starts. */
  attached: boolean;
  /** Called when the shim begins, and when its container is there. */
  mark?: () => void;
}

/**
 * A whole shim in this process, from the launch that its server is told to its end, with everything but a container. Code that runs
 * here leaves its bytecode, and what the interpreter learned, in memory that the forked shims share.
 *
 * `folder` is made for it, and left. It is in a place, and this process in namespaces, that are nobody else's (`apart`). This
 * process has no children.
 */
export function rehearseShim(folder: string, rehearsal: Rehearsal): void {
  const { hideUnifiedCgroup, endpoint, attached, mark = () => {} } = rehearsal;
  // Before anything is marked: a shim finds it there.
  using bundles = rehearsedBundles();
  const path = prepareFolder(folder, endpoint);
  const listener = listenUnix(path);
  // One of a published port would do as well: nobody connects to it.
  const port = listenUnix(join(folder, "port"));
  const [daemon, server] = socketpair(SOCK.SEQPACKET);
  const [control, client] = [socket(AF.UNIX, SOCK.STREAM), socket(AF.UNIX, SOCK.STREAM)];
  const cgroups = pipe2(O.CLOEXEC);
  // This process is the shim: what forks it goes on in a child.
  let isServer = false;
  try {
    const send = (fd: number, message: object) => writeAll(fd, Buffer.from(`${JSON.stringify(message)}\n`));
    const say = (request: ControlRequest & { id: number }) => send(control, request);
    connect(control, { family: "unix", path });
    send(control, { op: "control" } satisfies Hello);
    say({ id: 1, op: "start", attaches: attached ? 1 : 0 });
    if (attached) {
      connect(client, { family: "unix", path });
      send(client, { op: "attach", stdin: false, stdout: true, stderr: true } satisfies Hello);
    }
    const loop = OWN_PROCESS.loop();
    loop.add(control, EPOLL.IN, () => {
      const answers = new Uint8Array(4096);
      const told = Buffer.from(answers.subarray(0, read(control, answers))).toString("latin1");
      if (told === "") loop.remove(control);
      if (told.includes('"startedAt"')) {
        mark();
        say({ id: 2, op: "kill", signal: SIG.KILL });
      }
      if (told.includes('"exit"')) say({ id: 0, op: "recorded" });
    });
    loop.timer(PATIENCE_MS, endChildren);
    const tell = (message: LaunchMessage, descriptors: readonly number[]) =>
      sendmsg(daemon, Buffer.from(JSON.stringify(message)), descriptors);
    tell({}, []);
    tell({ directory: folder }, [listener, port]);
    closeQuietly(daemon);
    const warmer = { warm: () => {}, descriptor: cgroups.write };
    serve(server, warmer, hideUnifiedCgroup, {
      ...REHEARSED,
      bundler: () => bundles.ask(),
      loop: () => loop,
      fork() {
        isServer ||= fork() === 0;
        if (!isServer) mark();
        return isServer ? 1 : 0;
      },
    });
  } finally {
    if (isServer) exitNow(0);
    prctl(PR.SET_CHILD_SUBREAPER, 0);
    for (const fd of [listener, port, control, client, cgroups.read]) closeQuietly(fd);
  }
}

/** Changes nothing that a shim-server minds. */
const REHEARSED: Omit<ShimProcess, "fork" | "loop" | "bundler"> = {
  // The daemon gave it these two so.
  streams: [0, 1],
  renew: () => {},
  idle: () => {},
  giveWay: () => {},
  // The namespace takes them along.
  removeInterfaces: () => {},
  ownBundler: OWN_PROCESS.ownBundler,
  fail(_, error) {
    throw error;
  },
};

/** As it is, but for the answer: a program that is there. */
function rehearsedBundles(): ErrandServer {
  const begin = () => {
    const work = new BundleWork();
    return {
      takesLong: (order: Order) => work.takesLong(order),
      take: (...order: Parameters<TakeOrder>) => (work.take(...order) === undefined ? undefined : SHELL),
    };
  };
  return new ErrandServer(begin, { limit: 1 });
}

/** Whatever hangs: the shim goes on, to its end. */
function endChildren(): void {
  const children = readFileSync("/proc/thread-self/children", "latin1").trim();
  for (const pid of children === "" ? [] : children.split(" ")) kill(Number(pid), SIG.KILL);
}

/** A shim's folder with what the daemon writes into it. The path of its socket. */
function prepareFolder(folder: string, endpoint: EndpointPlan): string {
  const at = (name: string) => join(folder, name);
  for (const name of ["data", "lower/etc", "upper", "work"]) mkdirSync(at(name), { recursive: true });
  writeFileSync(at("lower/etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(at("lower/etc/group"), "root:x:0:\n");
  // Members as a daemon writes them, in its order: their shapes are shared too.
  const launch: LaunchFile = {
    id: "0".repeat(64),
    dataDirectory: at("data"),
    once: false,
    groupAdd: [],
    tty: false,
    openStdin: true,
    stdinOnce: false,
    log: {
      driver: "json-file",
      path: at("data/log"),
      maxSize: 0,
      maxFiles: 1,
      compress: false,
      attributes: {},
    },
    network: { mode: "private", endpoints: [endpoint] } satisfies SandboxPlan,
    ports: [
      {
        protocol: "tcp",
        hostAddress: "0.0.0.0",
        hostPort: 1,
        containerAddress: "192.0.2.2",
        containerPort: 1,
      } satisfies PortSocket,
    ],
    runtime: { name: "sh", path: SHELL, arguments: ["-c", RUNTIME] },
    runtimeRoot: at("runtime-root"),
    command: "true",
    cgroupsPath: "/berth-rehearsal",
    reachesHost: false,
    ownProcesses: true,
  };
  const bundle: BundleFile = {
    spec: {
      ociVersion: "1.0.2",
      process: { args: ["true"], env: ["PATH=/bin"], cwd: "/work", terminal: false },
      root: { path: "" },
      mounts: [{ destination: "/proc", type: "proc", source: "proc", options: ["nosuid"] }],
      linux: { namespaces: [{ type: "pid" }, { type: "mount" }, { type: "network" }] },
    },
    rootfs: { kind: "overlay", lower: [at("lower")], upper: at("upper"), work: at("work") },
    user: "root",
    workingDirectory: "/work",
  };
  for (const [name, content] of [
    [SHIM_FILES.launch, launch],
    [SHIM_FILES.bundle, bundle],
  ] as const) {
    writeFileSync(at(name), JSON.stringify(content), { mode: 0o600 });
  }
  return at(SHIM_FILES.socket);
}
