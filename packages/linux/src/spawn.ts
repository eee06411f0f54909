import { O } from "./constants.ts";
import { cPath, cString } from "./cstring.ts";
import { SyscallError } from "./errno.ts";
import { closeQuietly, dup } from "./io.ts";
import { libc, Memory } from "./libc.ts";
import { nameForPeople, type Path } from "./name.ts";
import { SIG, SIGSET_SIZE, writeSignals } from "./signal.ts";

export interface SpawnOptions {
  /** The executable; not searched for in PATH. */
  path: Path;
  /** All arguments, the program's name first. */
  args: readonly Path[];
  /** `NAME=value`; nothing else is inherited. */
  env: readonly Path[];
  /** Descriptor in the child → descriptor here. Others stay only if they are not close-on-exec. */
  descriptors?: Readonly<Record<number, number>>;
  /** Descriptors in the child that are opened on /dev/null. */
  devNull?: readonly number[];
  cwd?: Path;
  /** Blocked in the child; none by default. */
  signalMask?: readonly number[];
  /** Set to their default action; all by default (ignored signals would be inherited). */
  defaultSignals?: readonly number[];
  /** A new session. */
  setsid?: boolean;
  /** A new process group. */
  newGroup?: boolean;
}

const FLAGS = { SETPGROUP: 2, SETSIGDEF: 4, SETSIGMASK: 8, SETSID: 0x80 } as const;
/** More than glibc's structs need: 80 and 336 bytes. */
const ACTIONS_SIZE = 128;
const ATTRIBUTES_SIZE = 512;
/** 32 and 33, which glibc keeps for itself, are among them: else it leaves them ignored in the program. */
const ALL_SIGNALS = Array.from({ length: SIG.RTMAX }, (_, index) => index + 1).filter(
  (signal) => signal !== SIG.KILL && signal !== SIG.STOP,
);

function check(code: number, call: string, path?: Path): void {
  if (code !== 0) throw new SyscallError(call, code, path === undefined ? undefined : nameForPeople(path));
}

/**
 * Starts a program (posix_spawn(3): vfork-fast, whatever the size of this process). Its pid; the caller waits for it.
 * @throws SyscallError when it cannot be started, such as ENOENT, EACCES, ENOEXEC
 */
export function posixSpawn(options: SpawnOptions): number {
  const c = libc();
  const actions = new Memory(ACTIONS_SIZE);
  const attributes = new Memory(ATTRIBUTES_SIZE);
  const copies: number[] = [];
  check(c.posix_spawn_file_actions_init(actions.address), "posix_spawn");
  try {
    check(c.posix_spawnattr_init(attributes.address), "posix_spawn");
    try {
      addFileActions(options, actions, copies);
      setAttributes(options, attributes);
      const strings = [...options.args.map(bytesOf), ...options.env.map(bytesOf)];
      const lists = pointerLists(strings, options.args.length);
      const pid = new Memory(8);
      const path = cPath(options.path, "exec");
      check(
        c.posix_spawn(
          pid.address,
          path,
          actions.address,
          attributes.address,
          lists.address,
          lists.at((options.args.length + 1) * 8),
        ),
        "exec",
        options.path,
      );
      return pid.getI32(0);
    } finally {
      c.posix_spawnattr_destroy(attributes.address);
    }
  } finally {
    c.posix_spawn_file_actions_destroy(actions.address);
    for (const fd of copies) closeQuietly(fd);
  }
}

function bytesOf(text: Path): Uint8Array {
  return cString(text, "exec");
}

function addFileActions(options: SpawnOptions, actions: Memory, copies: number[]): void {
  const c = libc();
  const moves = Object.entries(options.descriptors ?? {}).map(([child, own]) => ({
    child: Number(child),
    own,
  }));
  const taken = new Set([...moves.map((move) => move.child), ...(options.devNull ?? [])]);
  const free = Math.max(2, ...taken) + 1;
  for (const { child, own } of moves) {
    // A source that an earlier step overwrites is first copied out of the way.
    let source = own;
    if (own !== child && taken.has(own)) {
      source = dup(own, free);
      copies.push(source);
    }
    // dup2 onto itself clears close-on-exec here (posix_spawn_file_actions_adddup2(3), since glibc 2.29).
    check(c.posix_spawn_file_actions_adddup2(actions.address, source, child), "posix_spawn");
  }
  for (const child of options.devNull ?? []) {
    check(
      c.posix_spawn_file_actions_addopen(
        actions.address,
        child,
        cPath("/dev/null", "posix_spawn"),
        O.RDWR,
        0,
      ),
      "posix_spawn",
    );
  }
  if (options.cwd !== undefined) {
    const cwd = cPath(options.cwd, "posix_spawn");
    check(c.posix_spawn_file_actions_addchdir_np(actions.address, cwd), "posix_spawn");
  }
}

function setAttributes(options: SpawnOptions, attributes: Memory): void {
  const c = libc();
  const set = new Memory(SIGSET_SIZE);
  writeSignals(set, 0, options.signalMask ?? []);
  check(c.posix_spawnattr_setsigmask(attributes.address, set.address), "posix_spawn");
  writeSignals(set, 0, options.defaultSignals ?? ALL_SIGNALS);
  check(c.posix_spawnattr_setsigdefault(attributes.address, set.address), "posix_spawn");
  if (options.newGroup) check(c.posix_spawnattr_setpgroup(attributes.address, 0), "posix_spawn");
  const flags =
    FLAGS.SETSIGMASK |
    FLAGS.SETSIGDEF |
    (options.setsid ? FLAGS.SETSID : 0) |
    (options.newGroup ? FLAGS.SETPGROUP : 0);
  check(c.posix_spawnattr_setflags(attributes.address, flags), "posix_spawn");
}

/** Two NULL-ended lists of pointers (the first `split` strings, then the rest), and the strings behind them. */
function pointerLists(strings: readonly Uint8Array[], split: number): Memory {
  const head = (strings.length + 2) * 8;
  const memory = new Memory(strings.reduce((sum, string) => sum + string.length, head));
  let text = head;
  strings.forEach((string, index) => {
    memory.setU64((index < split ? index : index + 1) * 8, memory.address + text);
    memory.bytes.set(string, text);
    text += string.length;
  });
  return memory;
}
