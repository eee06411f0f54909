import { AT, O, SYS } from "./constants.ts";
import { cPath } from "./cstring.ts";
import { checked } from "./errno.ts";
import { fchdir, open } from "./fs.ts";
import { closeQuietly } from "./io.ts";
import { libc } from "./libc.ts";
import type { Path } from "./name.ts";

/** mount(2) flags. */
export const MS = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  SYNCHRONOUS: 0x10,
  REMOUNT: 0x20,
  NOATIME: 0x400,
  NODIRATIME: 0x800,
  BIND: 0x1000,
  MOVE: 0x2000,
  REC: 0x4000,
  SILENT: 0x8000,
  UNBINDABLE: 0x2_0000,
  PRIVATE: 0x4_0000,
  SLAVE: 0x8_0000,
  SHARED: 0x10_0000,
  RELATIME: 0x20_0000,
  STRICTATIME: 0x100_0000,
} as const;

/** umount2(2) flags. */
export const MNT = { FORCE: 1, DETACH: 2, EXPIRE: 4, UMOUNT_NOFOLLOW: 8 } as const;

/**
 * Mounts `source` at `target`. `data` are the file system's options; the kernel takes at most one page of them.
 * @throws SyscallError with `target` as its path
 */
export function mount(source: Path, target: Path, type: string, flags = 0, data = ""): void {
  const from = cPath(source, "mount", 1);
  const kind = cPath(type, "mount", 2);
  const options = data === "" ? null : cPath(data, "mount", 3);
  checked(libc().mount(from, cPath(target, "mount"), kind, flags, options), "mount", target);
}

/** Unmounts. `MNT.DETACH` takes the mount out of sight at once and frees it when it is no longer in use. */
export function umount2(target: Path, flags = 0): void {
  checked(libc().umount2(cPath(target, "unmount"), flags), "unmount", target);
}

export function chroot(path: Path): void {
  checked(libc().chroot(cPath(path, "chroot")), "chroot", path);
}

/** Makes `newRoot` the root of this mount namespace; the old root is mounted at `putOld`. Both may be `"."`. */
export function pivotRoot(newRoot: Path, putOld: Path): void {
  const target = cPath(newRoot, "pivot_root");
  checked(
    libc().syscall(SYS.pivot_root, target, cPath(putOld, "pivot_root", 1), 0, 0, 0, 0),
    "pivot_root",
    newRoot,
  );
}

const OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const AT_RECURSIVE = 0x8000;
const CLONE_NEWNS = 0x2_0000;

/**
 * Mounts at `target` what another mount namespace has at `source`, with the mounts below it. A plain bind of
 * `/proc/<pid>/root/…` cannot: the kernel binds only what is mounted in the caller's own namespace. For single-threaded
 * processes that are not in a chroot. @throws SyscallError
 */
export function bindFromNamespace(namespace: number, source: Path, target: Path): void {
  const own = open("/proc/self/ns/mnt", O.RDONLY);
  const folder = open(".", O.PATH | O.DIRECTORY);
  let tree = -1;
  try {
    checked(libc().setns(namespace, CLONE_NEWNS), "setns");
    try {
      tree = checked(
        libc().syscall(
          SYS.open_tree,
          AT.FDCWD,
          cPath(source, "open_tree"),
          OPEN_TREE_CLONE | AT_RECURSIVE | O.CLOEXEC,
          0,
          0,
          0,
        ),
        "open_tree",
        source,
      );
    } finally {
      checked(libc().setns(own, CLONE_NEWNS), "setns");
      fchdir(folder);
    }
    const to = cPath(target, "move_mount", 1);
    checked(
      libc().syscall(SYS.move_mount, tree, cPath("", "move_mount"), AT.FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH, 0),
      "move_mount",
      target,
    );
  } finally {
    closeQuietly(tree);
    closeQuietly(folder);
    closeQuietly(own);
  }
}

/**
 * A mount of its own of what is at `path`, attached nowhere yet: a descriptor that is its root. It goes away with the descriptor
 * unless `moveMount` puts it somewhere. `recursive`: with the mounts below it. @throws SyscallError
 */
export function cloneMount(directory: number, path: Path, recursive: boolean): number {
  const flags = OPEN_TREE_CLONE | O.CLOEXEC | (recursive ? AT_RECURSIVE : 0);
  const name = cPath(path, "open_tree");
  return checked(libc().syscall(SYS.open_tree, directory, name, flags, 0, 0, 0), "open_tree", path);
}

/** Attaches a mount of `cloneMount` where the descriptor `target` is. @throws SyscallError */
export function moveMount(tree: number, target: number): void {
  const none = cPath("", "move_mount");
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  checked(libc().syscall(SYS.move_mount, tree, none, target, none, flags, 0), "move_mount");
}
