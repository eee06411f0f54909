import { notFound, systemError } from "@berth/base";
import {
  AT,
  CLONE,
  chdir,
  chroot,
  cloneMount,
  closeQuietly,
  enterNamespace,
  fchdir,
  isErrno,
  MNT,
  MS,
  mkdirat,
  mount,
  mountOverlay,
  moveMount,
  O,
  open,
  openat,
  openat2,
  parseMountWords,
  RESOLVE,
  S,
  statx,
  umount2,
  unshare,
} from "@berth/linux";
import type { RootfsMount } from "@berth/spec";
import { baseOf, cleaned, folderOf } from "../files/names.ts";
import type { View, ViewBind } from "./protocol.ts";

/**
 * Makes the view the root of this process, for good: from here on no path leads anywhere else. Descriptors that were opened
 * before keep working.
 * @throws not-found when the process has ended or a folder is missing, SyscallError
 */
export function enterView(view: View): void {
  if (view.kind === "rootfs") ownMounts();
  becomeRoot(openView(view, false));
}

/** As `enterView`, in a process that has called `ownMounts`. */
export function enterOpenView(view: View): void {
  becomeRoot(openView(view, false));
}

/**
 * Opens a view's root (an `O.PATH` descriptor). `detach`: what was mounted for it stays reachable through the descriptor only,
 * so that other views can be made of the same folders. The process must have called `ownMounts`.
 */
export function openView(view: View, detach: boolean): number {
  switch (view.kind) {
    case "folder":
      return openFolder(view.path);
    case "rootfs": {
      const root = mountRootfs(view.rootfs, view.binds ?? [], view.readOnly === true, view.volatile === true);
      const place = view.rootfs.kind === "directory" ? view.rootfs.path : (view.rootfs.lower[0] as string);
      if (detach) umount2(place, MNT.DETACH);
      return root;
    }
    default:
      return view.mounts === false ? rootMountOf(view.pid) : processRoot(view.pid);
  }
}

/** Gives this process mounts of its own, which nobody else sees. */
export function ownMounts(): void {
  unshare(CLONE.NEWNS);
  mount("none", "/", "", MS.REC | MS.SLAVE);
}

function becomeRoot(fd: number): void {
  fchdir(fd);
  closeQuietly(fd);
  chroot(".");
  chdir("/");
}

function openFolder(path: string): number {
  try {
    return open(path, O.PATH | O.DIRECTORY);
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw notFound(`no such directory: ${path}`, { cause: error });
    throw error;
  }
}

function processRoot(pid: number): number {
  try {
    return open(`/proc/${pid}/root`, O.PATH | O.DIRECTORY);
  } catch (error) {
    throw ended(pid, error);
  }
}

function ended(pid: number, error: unknown): unknown {
  return isErrno(error, "ENOENT", "ESRCH") ? notFound(`process ${pid} has ended`, { cause: error }) : error;
}

/** A mount of the root file system of a process alone, without what is mounted in it. */
function rootMountOf(pid: number): number {
  // The process' own root: that of its namespace may be the host's.
  const root = processRoot(pid);
  try {
    // setns() wants a process that shares neither root nor working directory with other threads; mounts can be cloned only
    // from inside their namespace.
    unshare(CLONE.FS);
    enterNamespace(`/proc/${pid}/ns/mnt`, CLONE.NEWNS);
    return cloneMount(root, ".", false);
  } catch (error) {
    throw ended(pid, error);
  } finally {
    closeQuietly(root);
  }
}

function mountRootfs(
  rootfs: RootfsMount,
  binds: readonly ViewBind[],
  readOnly: boolean,
  volatile: boolean,
): number {
  const root =
    rootfs.kind === "directory"
      ? mountFolder(rootfs.path, readOnly)
      : mountLayers(rootfs, readOnly, volatile);
  // Parents first.
  for (const bind of [...binds].sort((a, b) => a.target.length - b.target.length)) addBind(root, bind);
  return root;
}

function mountFolder(path: string, readOnly: boolean): number {
  // On itself: there is always a place, and nothing to remove afterwards.
  mount(path, path, "", MS.BIND);
  if (readOnly) mount("none", path, "", MS.REMOUNT | MS.BIND | MS.RDONLY);
  return openFolder(path);
}

function mountLayers(
  rootfs: RootfsMount & { kind: "overlay" },
  readOnly: boolean,
  volatile: boolean,
): number {
  const { lower, upper, work } = rootfs;
  const place = lower[0];
  if (place === undefined) throw systemError("a root file system without layers");
  if (upper !== undefined && work !== undefined && !readOnly) {
    mountOverlay({ lower, upper, work, volatile }, place);
  } else {
    const layers = upper === undefined ? lower : [upper, ...lower];
    // Without an upper folder the kernel wants two layers.
    if (layers.length === 1) return mountFolder(place, true);
    mountOverlay({ lower: layers }, place);
  }
  return openFolder(place);
}

const IN_ROOT = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS;

/** Mounts something into the root, making the place for it when there is none, as the container's start would. */
function addBind(root: number, bind: ViewBind): void {
  const source = bind.mount === undefined ? bind.source : mountSource(bind.mount, bind.source);
  let tree: number;
  try {
    tree =
      bind.subpath === undefined ? cloneMount(AT.FDCWD, source, true) : cloneBeneath(source, bind.subpath);
  } catch (error) {
    if (isErrno(error, "ENOENT"))
      throw notFound(`stat ${bind.source}: no such file or directory`, { cause: error });
    throw error;
  }
  const isFolder = (statx(tree, "", AT.EMPTY_PATH).mode & S.IFMT) === S.IFDIR;
  let target = -1;
  try {
    target = findPlace(root, cleaned(`/${bind.target}`).slice(1), isFolder);
    // A read-only view has no place for what was never started: nothing to be seen there.
    if (target < 0) return;
    moveMount(tree, target);
    if (bind.readonly) mount("none", `/proc/self/fd/${tree}`, "", MS.REMOUNT | MS.BIND | MS.RDONLY);
  } finally {
    closeQuietly(target);
    closeQuietly(tree);
  }
}

/** Another container may have the folder and change its links: they are followed within it. */
function cloneBeneath(folder: string, path: string): number {
  const root = open(folder, O.PATH | O.DIRECTORY);
  try {
    const found = openat2(root, path, O.PATH, IN_ROOT);
    try {
      return cloneMount(AT.FDCWD, `/proc/self/fd/${found}`, true);
    } finally {
      closeQuietly(found);
    }
  } finally {
    closeQuietly(root);
  }
}

/** Mounts a volume that is a file system on its folder; the folder. */
function mountSource(volume: NonNullable<ViewBind["mount"]>, folder: string): string {
  const { flags, data } = parseMountWords(volume.options);
  mount(volume.source, folder, volume.type === "bind" ? "" : volume.type, flags, data);
  return folder;
}

function findPlace(root: number, path: string, isFolder: boolean): number {
  if (path === "") return openat(root, ".", O.PATH);
  try {
    return openat2(root, path, O.PATH, IN_ROOT);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
  const folder = findPlace(root, folderOf(path), true);
  if (folder < 0) return -1;
  try {
    const name = baseOf(path);
    if (isFolder) mkdirat(folder, name, 0o755);
    else closeQuietly(openat(folder, name, O.WRONLY | O.CREAT | O.EXCL, 0o644));
    return openat(folder, name, O.PATH | O.NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "EROFS")) return -1;
    throw error;
  } finally {
    closeQuietly(folder);
  }
}
