import { O, SYS } from "./constants.ts";
import { checked, Errno, failure } from "./errno.ts";
import { open } from "./fs.ts";
import { closeQuietly, write } from "./io.ts";
import { errno, libc, Memory } from "./libc.ts";

/**
 * fork(2). 0 in the child. The process must be single-threaded (`assertForkable` of `fork.ts`); the child may run
 * synchronous code only, and must leave with `exitNow`: Bun's event loop belongs to the parent.
 */
export function fork(): number {
  return checked(libc().fork(), "fork");
}

/** Ends the process at once: no exit handlers, no flushing of what the parent had buffered. */
export function exitNow(code: number): never {
  for (;;) libc()._exit(code);
}

/** The real process id: Bun's `process.pid` is the parent's in a forked child. */
export function getpid(): number {
  return libc().getpid();
}

export function getppid(): number {
  return libc().getppid();
}

/** How a process ended. `exitCode` is 128 + signal when a signal ended it, as shells and Docker say it. */
export interface Exit {
  pid: number;
  exitCode: number;
  /** The signal that ended it; 0 when it exited. */
  signal: number;
  coreDumped: boolean;
}

export const WNOHANG = 1;
const WALL = 0x4000_0000;
let statusWord: Memory | undefined;

/**
 * Waits for a child (`-1`: any). Undefined with `WNOHANG` when none has ended yet.
 * @throws SyscallError ECHILD when there is no such child
 */
export function waitpid(pid: number, options = 0): Exit | undefined {
  statusWord ??= new Memory(8);
  for (;;) {
    const ended = libc().waitpid(pid, statusWord.address, options | WALL);
    if (ended === 0) return undefined;
    if (ended > 0) return decodeWaitStatus(ended, statusWord.getI32(0));
    if (errno() !== Errno.EINTR) throw failure("waitpid");
  }
}

/** The meaning of a wait status (wait(2)). */
export function decodeWaitStatus(pid: number, status: number): Exit {
  const signal = status & 0x7f;
  if (signal === 0) return { pid, exitCode: (status >> 8) & 0xff, signal: 0, coreDumped: false };
  return { pid, exitCode: 128 + signal, signal, coreDumped: (status & 0x80) !== 0 };
}

/** Sends a signal to a process, or with a negative pid to a process group; 0 only asks whether it exists. */
export function kill(pid: number, signal: number): void {
  checked(libc().kill(pid, signal), "kill");
}

/** Whether a process (a zombie is one) with that pid exists. */
export function processExists(pid: number): boolean {
  return libc().kill(pid, 0) === 0 || errno() === Errno.EPERM;
}

/** A descriptor for a process: never another process, and readable when it has ended. */
export function pidfdOpen(pid: number): number {
  return checked(libc().syscall(SYS.pidfd_open, pid, 0, 0, 0, 0, 0), "pidfd_open");
}

/** Sends a signal through a pidfd. @throws SyscallError ESRCH when the process has ended */
export function pidfdSendSignal(pidfd: number, signal: number): void {
  checked(libc().syscall(SYS.pidfd_send_signal, pidfd, signal, 0, 0, 0, 0), "pidfd_send_signal");
}

/** Makes this process the leader of a session without a terminal, if it leads none. */
export function ensureSession(): void {
  if (libc().setsid() < 0 && errno() !== Errno.EPERM) throw failure("setsid");
}

export function setpgid(pid: number, group: number): void {
  checked(libc().setpgid(pid, group), "setpgid");
}

/** prctl(2) operations. */
export const PR = {
  SET_PDEATHSIG: 1,
  SET_DUMPABLE: 4,
  SET_NAME: 15,
  CAPBSET_READ: 23,
  CAPBSET_DROP: 24,
  SET_CHILD_SUBREAPER: 36,
  SET_NO_NEW_PRIVS: 38,
} as const;

export function prctl(operation: number, a = 0, b = 0, c = 0, d = 0): number {
  return checked(libc().prctl(operation, a, b, c, d), "prctl");
}

let nameMemory: Memory | undefined;

/** The name of the calling thread in `ps` and `/proc/self/comm`: at most 15 bytes are kept. */
export function setProcessName(name: string): void {
  nameMemory ??= new Memory(16);
  nameMemory.bytes.fill(0);
  new TextEncoder().encodeInto(name, nameMemory.bytes.subarray(0, 15));
  prctl(PR.SET_NAME, nameMemory.address);
}

/** Orphaned descendants become children of this process, which has to wait for them. */
export function becomeSubreaper(): void {
  prctl(PR.SET_CHILD_SUBREAPER, 1);
}

/** This process gives way to others from now on. Where the kernel schedules by session (autogroup, sched(7)), so does its session. */
export function lowerPriority(): void {
  libc().setpriority(0, 0, LOW);
  try {
    const fd = open("/proc/self/autogroup", O.WRONLY | O.CLOEXEC);
    write(fd, LOW_TEXT);
    closeQuietly(fd);
  } catch {
    // A kernel without it.
  }
}

/** A nice value (sched(7)): a tenth of the processor beside one that has the usual 0. */
const LOW = 10;
const LOW_TEXT = new TextEncoder().encode(String(LOW));

/** Kinds of resource limits (getrlimit(2)), by their names without `RLIMIT_`, in lower case. */
export const RLIMIT = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
} as const;

/** Limits; `Infinity` for none. */
export interface ResourceLimit {
  soft: number;
  hard: number;
}

let limits: Memory | undefined;

/** RLIM_INFINITY is all ones: it cannot be a number exactly. */
function getLimit(memory: Memory, at: number): number {
  return memory.getU32(at + 4) === 0xffff_ffff ? Number.POSITIVE_INFINITY : memory.getU64(at);
}

function putLimit(memory: Memory, at: number, value: number): void {
  if (value === Number.POSITIVE_INFINITY) memory.bytes.fill(0xff, at, at + 8);
  else memory.setU64(at, value);
}

/** Limits of a process; 0 is the caller. */
export function getrlimit(resource: number, pid = 0): ResourceLimit {
  limits ??= new Memory(16);
  checked(libc().prlimit64(pid, resource, null, limits.address), "prlimit");
  return { soft: getLimit(limits, 0), hard: getLimit(limits, 8) };
}

/** @throws SyscallError EPERM when the hard limit would rise without CAP_SYS_RESOURCE */
export function setrlimit(resource: number, limit: ResourceLimit, pid = 0): void {
  limits ??= new Memory(16);
  putLimit(limits, 0, limit.soft);
  putLimit(limits, 8, limit.hard);
  checked(libc().prlimit64(pid, resource, limits.address, null), "prlimit");
}

/** Becomes another user for good: supplementary groups first, then group, then user. */
export function becomeUser(uid: number, gid: number, groups: readonly number[] = []): void {
  const list = new Memory(Math.max(4, groups.length * 4));
  groups.forEach((group, index) => {
    list.setU32(index * 4, group);
  });
  checked(libc().setgroups(groups.length, list.address), "setgroups");
  checked(libc().setresgid(gid, gid, gid), "setresgid");
  checked(libc().setresuid(uid, uid, uid), "setresuid");
}
