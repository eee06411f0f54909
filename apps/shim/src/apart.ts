import { messageOf } from "@berth/base";
import {
  CLONE,
  chroot,
  closeQuietly,
  exitNow,
  fchdir,
  MS,
  mount,
  O,
  open,
  setns,
  unshare,
} from "@berth/linux";

/** On every system, and nothing that is in it is needed here. */
const FOLDER = "/run";

/**
 * Runs `action` in namespaces of its own (`CLONE.NEWNS`, and `CLONE.NEWNET` if wanted), with an empty folder in memory: all that it
 * makes there is gone afterwards, even when this process is killed. For a process with one thread only. @throws SyscallError when
 * it may not do that; what `action` throws
 */
export function apart(namespaces: number, action: (folder: string) => void): void {
  andBack([MOUNTS, NETWORK], () => {
    unshare(namespaces);
    mount("", "/", "", MS.REC | MS.PRIVATE);
    mount("tmpfs", FOLDER, "tmpfs");
    action(FOLDER);
  });
}

/** Runs `action` in the mount namespace that `mounts` stands for. As `apart`. */
export function inMounts<T>(mounts: number, action: () => T): T {
  return andBack([MOUNTS], () => {
    setns(mounts, CLONE.NEWNS);
    return action();
  });
}

const MOUNTS = "/proc/self/ns/mnt";
const NETWORK = "/proc/self/ns/net";

/** The namespaces, the root and the folder that this process is in, it is in afterwards. */
function andBack<T>(namespaces: readonly string[], action: () => T): T {
  const places = ["/", ".", ...namespaces].map((path) => open(path, O.RDONLY | O.CLOEXEC));
  try {
    try {
      return action();
    } finally {
      comeBack(places);
    }
  } finally {
    for (const fd of places) closeQuietly(fd);
  }
}

function comeBack([root, folder, ...namespaces]: number[]): void {
  try {
    for (const namespace of namespaces) setns(namespace);
    // Entering a mount namespace leads to the root of that.
    fchdir(root!);
    chroot(".");
    fchdir(folder!);
  } catch (error) {
    // Whatever it did from now on, it would do in the wrong place.
    process.stderr.write(`berth shim-server: cannot come back: ${messageOf(error)}\n`);
    exitNow(1);
  }
}
