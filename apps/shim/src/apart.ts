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
  const places = ["/", ".", "/proc/self/ns/mnt", "/proc/self/ns/net"].map((path) =>
    open(path, O.RDONLY | O.CLOEXEC),
  );
  const [root, folder, mounts, network] = places as [number, number, number, number];
  try {
    unshare(namespaces);
    try {
      mount("", "/", "", MS.REC | MS.PRIVATE);
      mount("tmpfs", FOLDER, "tmpfs");
      action(FOLDER);
    } finally {
      comeBack(root, folder, mounts, network);
    }
  } finally {
    for (const fd of places) closeQuietly(fd);
  }
}

function comeBack(root: number, folder: number, mounts: number, network: number): void {
  try {
    setns(network, CLONE.NEWNET);
    setns(mounts, CLONE.NEWNS);
    // Entering a mount namespace leads to the root of that.
    fchdir(root);
    chroot(".");
    fchdir(folder);
  } catch (error) {
    // Whatever it did from now on, it would do in the wrong place.
    process.stderr.write(`berth shim-server: ${messageOf(error)}\n`);
    exitNow(1);
  }
}
