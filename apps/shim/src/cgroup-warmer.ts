import { readFileSync } from "node:fs";
import {
  close,
  closeQuietly,
  defaultSignal,
  exitNow,
  fork,
  O,
  open,
  pipe2,
  read,
  SIG,
  setProcessName,
  waitReadable,
  write,
} from "@berth/linux";

/**
 * Moving a process into a cgroup makes the kernel wait for an RCU grace period (5 to 20 ms), but only when no other move came a
 * moment before (kernel/rcu/sync.c). Each container start and each exec makes such a move, inside the OCI runtime. So when one is
 * about to come, this process makes a move that changes nothing, and the wait passes while the container is still being prepared.
 */
export class CgroupWarmer {
  /** Ours of the helper; a forked child that is no part of it closes it. */
  readonly descriptor: number;

  /** Forks the helper. `inherited`: descriptors that it must not keep. */
  constructor(inherited: readonly number[]) {
    const pipe = pipe2(O.CLOEXEC);
    if (fork() === 0) {
      close(pipe.write);
      for (const fd of inherited) closeQuietly(fd);
      defaultSignal(SIG.CHLD);
      setProcessName("berth-warmer");
      serve(pipe.read);
    }
    close(pipe.read);
    this.descriptor = pipe.write;
  }

  /** A move is about to come. */
  warm(): void {
    try {
      write(this.descriptor, ONE);
    } catch {
      // The helper is gone: starts are only slower.
    }
  }
}

/** Starts and execs come in bursts: the next one of a burst finds nothing to wait for. */
const KEPT_MS = 240;
/** Shorter than a grace period. */
const PERIOD_MS = 6;
const ONE = new Uint8Array([1]);
const SELF = new TextEncoder().encode("0");

function serve(pipe: number): never {
  try {
    const path = ownProcs();
    const requests = new Uint8Array(64);
    let left = 0;
    for (;;) {
      if (left === 0 || waitReadable(pipe, PERIOD_MS)) {
        if (read(pipe, requests) <= 0) break;
        left = KEPT_MS / PERIOD_MS;
      }
      left--;
      const procs = open(path, O.WRONLY);
      write(procs, SELF);
      close(procs);
    }
  } catch {
    // A host that does not let us: starts are only slower.
  }
  exitNow(0);
}

/** `cgroup.procs` of the group that this process is in (cgroups(7), /proc/pid/cgroup). */
function ownProcs(): string {
  const lines = readFileSync("/proc/self/cgroup", "utf8").trim().split("\n");
  for (const line of lines) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === "" && lines.length === 1) return `/sys/fs/cgroup${path}/cgroup.procs`;
    if (controllers === "pids" || controllers === "memory")
      return `/sys/fs/cgroup/${controllers}${path}/cgroup.procs`;
  }
  throw new Error("no cgroup that moves can be made in");
}
