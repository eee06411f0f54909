import { checked, failure } from "./errno.ts";
import { read, WOULD_BLOCK } from "./io.ts";
import { libc, Memory } from "./libc.ts";

/** Signal numbers of Linux on x86-64 and arm64. */
export const SIG = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
  RTMIN: 34,
  RTMAX: 64,
} as const;

const ALIASES: Readonly<Record<string, number>> = { IOT: SIG.ABRT, CLD: SIG.CHLD, POLL: SIG.IO };

/**
 * The number of a signal as users say it: `9`, `KILL`, `SIGKILL`, `sigkill`, `RTMIN+3`, `RTMAX-1`.
 * Undefined for what is no signal.
 */
export function parseSignal(text: string): number | undefined {
  if (/^\d{1,3}$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= SIG.RTMAX ? number : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const relative = /^(RTMIN|RTMAX)([+-])(\d{1,2})$/.exec(name);
  if (relative !== null) {
    const [, base, sign, distance] = relative as unknown as [string, "RTMIN" | "RTMAX", string, string];
    if ((base === "RTMIN") !== (sign === "+")) return undefined;
    const number = SIG[base] + (sign === "+" ? 1 : -1) * Number(distance);
    return number >= SIG.RTMIN && number <= SIG.RTMAX ? number : undefined;
  }
  if (Object.hasOwn(SIG, name)) return SIG[name as keyof typeof SIG];
  return Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined;
}

/** `sizeof(sigset_t)` of glibc. */
export const SIGSET_SIZE = 128;

/** Writes a set of signals at `offset`. */
export function writeSignals(memory: Memory, offset: number, signals: Iterable<number>): void {
  memory.bytes.fill(0, offset, offset + SIGSET_SIZE);
  for (const signal of signals) {
    const at = offset + ((signal - 1) >> 3);
    memory.bytes[at] = (memory.bytes[at] as number) | (1 << ((signal - 1) & 7));
  }
}

function readSignals(memory: Memory, offset: number): number[] {
  const signals: number[] = [];
  for (let signal = 1; signal <= SIG.RTMAX; signal++) {
    if ((memory.bytes[offset + ((signal - 1) >> 3)] as number) & (1 << ((signal - 1) & 7)))
      signals.push(signal);
  }
  return signals;
}

/** What `sigprocmask` does with its set. */
export const SIG_BLOCK = 0;
export const SIG_UNBLOCK = 1;
export const SIG_SETMASK = 2;

let sets: Memory | undefined;

/** Changes which signals the calling thread blocks; those that were blocked before. */
export function sigprocmask(how: number, signals: Iterable<number>): number[] {
  sets ??= new Memory(SIGSET_SIZE * 2);
  writeSignals(sets, 0, signals);
  sets.bytes.fill(0, SIGSET_SIZE);
  const code = libc().pthread_sigmask(how, sets.address, sets.at(SIGSET_SIZE));
  if (code !== 0) throw new RangeError(`pthread_sigmask: error ${code}`);
  return readSignals(sets, SIGSET_SIZE);
}

/** struct sigaction of glibc: handler, mask, flags, restorer. */
let action: Memory | undefined;

function disposition(signal: number, handler: 0 | 1): void {
  action ??= new Memory(152);
  action.bytes.fill(0);
  action.setU64(0, handler);
  checked(libc().sigaction(signal, action.address, null), "sigaction");
}

/** From now on the process does not see the signal; programs that it starts inherit that, unless told otherwise. */
export function ignoreSignal(signal: number): void {
  disposition(signal, 1);
}

/** The kernel's default action again; takes away any handler that the JavaScript engine had. */
export function defaultSignal(signal: number): void {
  disposition(signal, 0);
}

const SFD_NONBLOCK = 0o4000;
const SFD_CLOEXEC = 0o2000000;
const SIGNAL_INFO_SIZE = 128;

/** A non-blocking descriptor that is readable when one of the signals, which must be blocked, came. */
export function signalfd(signals: Iterable<number>): number {
  sets ??= new Memory(SIGSET_SIZE * 2);
  writeSignals(sets, 0, signals);
  return checked(libc().signalfd(-1, sets.address, SFD_NONBLOCK | SFD_CLOEXEC), "signalfd");
}

/** A signal that came. `pid` and `uid`: who sent it; `status`: of the child, for SIGCHLD. */
export interface SignalInfo {
  signal: number;
  code: number;
  pid: number;
  uid: number;
  status: number;
}

let info: Memory | undefined;

/** The next signal of a signalfd; undefined when there is none. */
export function readSignal(fd: number): SignalInfo | undefined {
  info ??= new Memory(SIGNAL_INFO_SIZE);
  const count = read(fd, info.bytes, 0, SIGNAL_INFO_SIZE);
  if (count === WOULD_BLOCK) return undefined;
  if (count !== SIGNAL_INFO_SIZE) throw failure("read");
  return {
    signal: info.getU32(0),
    code: info.getI32(8),
    pid: info.getU32(12),
    uid: info.getU32(16),
    status: info.getI32(40),
  };
}
