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
import { EXIT_FILE, type ExitRecord, removeShimFolder } from "@berth/runtime";
import { Children } from "./children.ts";
import { Connections } from "./connections.ts";
import { Container, readLaunch, toFailure } from "./container.ts";
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

/**
 * The life of one shim, in a process that was just forked. `take` gives what it is for, and may wait for that; undefined: for nothing. With
 * `hideUnifiedCgroup` the OCI runtime does not see /sys/fs/cgroup/unified: crun refuses hybrid hosts.
 */
export function shimMain(
  hideUnifiedCgroup: boolean,
  take: () => Launched | undefined,
  own: ShimProcess,
): void {
  let directory = "";
  const launched = () => {
    const launch = take();
    directory = launch?.directory ?? "";
    return launch;
  };
  try {
    runShim(hideUnifiedCgroup, launched, own);
  } catch (error) {
    own.fail(`berth shim ${directory}`, error);
  }
}

/** Into a mount namespace of its own: mounts of the host still arrive here (volumes that are mounted later), ours never go back. */
function leaveMounts(hideUnifiedCgroup: boolean): void {
  unshare(CLONE.NEWNS);
  mount("", "/", "", MS.REC | MS.SLAVE);
  if (hideUnifiedCgroup) umount2("/sys/fs/cgroup/unified", MNT.DETACH);
}

function runShim(hideUnifiedCgroup: boolean, take: () => Launched | undefined, own: ShimProcess): void {
  ensureSession();
  becomeSubreaper();
  ignoreSignal(SIG.PIPE);
  using loop = own.loop();
  using children = new Children(loop);
  /** Of the host's mount namespace, which is left. */
  let hostMounts = -1;
  /** Why it is not: no container can be prepared. */
  let failure: unknown;
  try {
    hostMounts = open("/proc/self/ns/mnt", O.RDONLY | O.CLOEXEC);
    leaveMounts(hideUnifiedCgroup);
  } catch (error) {
    failure = error;
  }
  const launched = take();
  if (launched === undefined) {
    closeQuietly(hostMounts);
    return;
  }
  const { directory, listener, ports } = launched;
  setProcessName("berth-shim");
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
  if (failure === undefined) container.prepare(ports, hostMounts, own, prepared);
  else prepared(failure);
  standardStreamsToNull(own.streams);
  loop.run();
}
