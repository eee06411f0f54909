import { join } from "node:path";
import { writeFileAtomic } from "@berth/base";
import {
  becomeSubreaper,
  CLONE,
  closeQuietly,
  ensureSession,
  ignoreSignal,
  MNT,
  MS,
  mount,
  O,
  open,
  SIG,
  setProcessName,
  umount2,
  unshare,
} from "@berth/linux";
import { EXIT_FILE, type ExitRecord, readLaunch, removeShimFolder } from "@berth/runtime";
import { BundleMaker } from "./bundle-maker.ts";
import { Children } from "./children.ts";
import { Connections } from "./connections.ts";
import { Container, toFailure } from "./container.ts";
import type { ShimProcess } from "./shim-process.ts";
import { standardStreamsToNull } from "./standard-streams.ts";

/** How long the daemon may take to store an exit before the shim leaves it on disk instead. */
const RECORD_PATIENCE_MS = 10_000;

/** What a shim is started for. */
export interface Launched {
  /** The shim's folder, with `launch.json`. */
  directory: string;
  /** The listening `shim.sock`. */
  listener: number;
  /** Sockets of the published ports. */
  ports: number[];
}

/** Where a shim learns what it is for. */
export interface LaunchSource {
  /** Waits for it. Undefined: nothing will come. */
  take(): Launched | undefined;
  /** What nobody else may hold meanwhile. */
  readonly descriptors: readonly number[];
}

/**
 * The life of one shim, in a process that was just forked. With `hideUnifiedCgroup` the OCI runtime does not see
 * /sys/fs/cgroup/unified: crun refuses hybrid hosts.
 */
export function shimMain(hideUnifiedCgroup: boolean, source: LaunchSource, own: ShimProcess): void {
  let launch: Launched | undefined;
  try {
    runShim(hideUnifiedCgroup, own, source.descriptors, () => (launch = source.take()));
  } catch (error) {
    own.fail(`berth shim ${launch?.directory ?? ""}`, error);
  }
}

/**
 * Into a mount namespace of its own: mounts of the host still arrive here (volumes that are mounted later), ours never go back.
 * `left` is called there with descriptors of it and of the host's.
 */
function leaveMounts(hideUnifiedCgroup: boolean, left: (mounts: number, hostMounts: number) => void): void {
  const hostMounts = open(MOUNT_NAMESPACE, O.RDONLY | O.CLOEXEC);
  let mounts = -1;
  try {
    unshare(CLONE.NEWNS);
    mount("", "/", "", MS.REC | MS.SLAVE);
    if (hideUnifiedCgroup) umount2("/sys/fs/cgroup/unified", MNT.DETACH);
    mounts = open(MOUNT_NAMESPACE, O.RDONLY | O.CLOEXEC);
    left(mounts, hostMounts);
  } finally {
    closeQuietly(mounts);
    closeQuietly(hostMounts);
  }
}

const MOUNT_NAMESPACE = "/proc/self/ns/mnt";

function runShim(
  hideUnifiedCgroup: boolean,
  own: ShimProcess,
  sources: readonly number[],
  take: () => Launched | undefined,
): void {
  ensureSession();
  becomeSubreaper();
  ignoreSignal(SIG.PIPE);
  using loop = own.loop();
  using children = new Children(loop);
  using maker = new BundleMaker(own.bundler(), () => own.ownBundler(sources));
  const launched = take();
  if (launched === undefined) return;
  const { directory, listener, ports } = launched;
  setProcessName("berth-shim");
  /** Why no container can be prepared. */
  let failure: unknown;
  try {
    leaveMounts(hideUnifiedCgroup, (mounts, hostMounts) => maker.begin(directory, mounts, hostMounts));
  } catch (error) {
    failure = error;
  }
  const launch = readLaunch(directory);
  let patience: (() => void) | undefined;
  let record: ExitRecord | undefined;

  // The shim ends when its exit is safe and every client has all of the output.
  let flushed = false;
  let left = false;
  /** The daemon gave the container up while its process was coming or there. */
  let unwanted = false;
  const flush = () =>
    container.io.close(() => {
      flushed = true;
      if (left) loop.stop();
    });
  const leave = () => {
    // Nobody waits for what is left.
    own.giveWay();
    container.unmount();
    removeShimFolder(directory);
    connections.stopListening();
    own.removeInterfaces(container);
    left = true;
    if (flushed) loop.stop();
    else flush();
  };
  /** The exit is safe with the daemon, or now on disk. */
  const settle = (onDisk: boolean) => {
    if (record === undefined) return;
    patience?.();
    if (onDisk) writeFileAtomic(join(launch.dataDirectory, EXIT_FILE), JSON.stringify(record));
    record = undefined;
    leave();
  };
  using container: Container = new Container(loop, children, launch, directory, {
    ended: (exitRecord) => {
      record = exitRecord;
      flush();
      connections.exited(exitRecord);
    },
    exited: () => {
      if (unwanted) leave();
      else if (connections.controlled) patience = loop.timer(RECORD_PATIENCE_MS, () => settle(true));
      else settle(true);
    },
    execExited: (execId, exitCode) => connections.tell({ event: "exec-exit", execId, exitCode }),
  });
  const giveUp = () => {
    container.cleanUp();
    leave();
  };
  /** The daemon gave the container up while it was prepared. */
  let givenUp = false;
  let preparing = true;
  using connections: Connections = new Connections(loop, listener, container, {
    recorded: () => settle(false),
    abandoned: () => {
      if (preparing) givenUp = true;
      else {
        unwanted = container.end();
        if (!unwanted) giveUp();
      }
    },
    startFailed: giveUp,
    controlLost: () => settle(true),
  });
  const prepared = (problem?: unknown) => {
    preparing = false;
    if (problem !== undefined) container.cleanUp();
    if (givenUp) giveUp();
    else connections.prepared(problem === undefined ? undefined : toFailure(problem));
  };
  if (failure === undefined) container.prepare(ports, maker, prepared);
  else prepared(failure);
  standardStreamsToNull(own.streams);
  loop.run();
}
