import { O } from "./constants.ts";
import { checked } from "./errno.ts";
import { open } from "./fs.ts";
import { closeQuietly } from "./io.ts";
import { addressOf, libc } from "./libc.ts";
import type { Path } from "./name.ts";

/** Kinds of namespaces: unshare(2), setns(2), clone(2). */
export const CLONE = {
  NEWTIME: 0x80,
  FS: 0x200,
  FILES: 0x400,
  NEWNS: 0x2_0000,
  NEWCGROUP: 0x200_0000,
  NEWUTS: 0x400_0000,
  NEWIPC: 0x800_0000,
  NEWUSER: 0x1000_0000,
  NEWPID: 0x2000_0000,
  NEWNET: 0x4000_0000,
} as const;

/** Gives the calling thread namespaces of its own. In a process with threads the others stay where they were. */
export function unshare(flags: number): void {
  checked(libc().unshare(flags), "unshare");
}

/** Moves the calling thread into a namespace. `kind` is a `CLONE` constant, 0 for any. */
export function setns(fd: number, kind = 0): void {
  checked(libc().setns(fd, kind), "setns");
}

/** Enters the namespace that `path` stands for, such as `/proc/1/ns/net`. */
export function enterNamespace(path: Path, kind = 0): void {
  const fd = open(path, O.RDONLY);
  try {
    checked(libc().setns(fd, kind), "setns", path);
  } finally {
    closeQuietly(fd);
  }
}

/**
 * Runs `inside` in the namespace that `fd` stands for, then returns to the one before. Synchronous code only: other work
 * of this thread must not run in between.
 */
export function insideNamespace<T>(fd: number, kind: number, inside: () => T): T {
  const name = NAMES.get(kind);
  if (name === undefined) throw new RangeError(`unknown kind of namespace ${kind}`);
  const before = open(`/proc/thread-self/ns/${name}`, O.RDONLY);
  try {
    setns(fd, kind);
    try {
      return inside();
    } finally {
      setns(before, kind);
    }
  } finally {
    closeQuietly(before);
  }
}

const NAMES = new Map<number, string>([
  [CLONE.NEWNS, "mnt"],
  [CLONE.NEWCGROUP, "cgroup"],
  [CLONE.NEWUTS, "uts"],
  [CLONE.NEWIPC, "ipc"],
  [CLONE.NEWNET, "net"],
]);

/** Host name of this UTS namespace. */
export function sethostname(name: string): void {
  const bytes = new TextEncoder().encode(name);
  checked(libc().sethostname(addressOf(bytes, 0, bytes.byteLength), bytes.byteLength), "sethostname");
}
