import { mkdirSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemError } from "@berth/base";
import {
  bindFromNamespace,
  closeQuietly,
  isErrno,
  MNT,
  MS,
  mount,
  O,
  open,
  openat2,
  parseMountWords,
  RESOLVE,
  umount2,
} from "@berth/linux";
import { type BundleFile, SHIM_FILES } from "@berth/runtime";

export type BundleMount = BundleFile["spec"]["mounts"][number];

/**
 * The mount as the OCI runtime is to make it. What the runtime cannot do itself is mounted in the shim's folder first, and bound
 * from there: a path beneath a volume or a file system, and a bind whose mounts are to reach the host.
 * `index` makes the name; `hostMounts`: see `makeBundle`. @throws what failed
 */
export function pinned(
  directory: string,
  asked: BundleMount,
  index: number,
  hostMounts: number | undefined,
): BundleMount {
  const { beneath, reachesHost, ...rest } = asked;
  const target = join(directory, `${SHIM_FILES.beneath}${index}`);
  if (reachesHost && hostMounts !== undefined && rest.source !== undefined) {
    // A copy of a shared mount is its peer, whatever namespace it is in. This one's are slaves: a bind of them would not be.
    makeMountPoint(target, rest.source);
    bindFromNamespace(hostMounts, rest.source, target);
    return { ...rest, source: target };
  }
  if (beneath === undefined) return rest;
  if (beneath.folder !== undefined) {
    bindBeneath(beneath.folder, beneath.path, target);
    return { ...rest, source: target };
  }
  const { flags, data } = parseMountWords(rest.options ?? []);
  const whole = `${target}-whole`;
  mkdirSync(whole);
  try {
    mount(rest.source ?? "", whole, flags & MS.BIND ? "" : (rest.type ?? ""), flags, data);
    try {
      bindBeneath(whole, beneath.path, target);
    } finally {
      umount2(whole, MNT.DETACH);
    }
  } finally {
    rmdirSync(whole);
  }
  const readOnly = flags & MS.RDONLY ? ["ro"] : [];
  return {
    destination: rest.destination,
    type: "bind",
    source: target,
    options: ["rbind", ...readOnly, "rprivate"],
  };
}

/** Before a pinned mount is taken away: what the container mounted in it stays where it reached on the host. @throws SyscallError */
export function unpin(target: string): void {
  mount("", target, "", MS.REC | MS.PRIVATE);
}

/**
 * Mounts at `target` a path that another container may change at any moment: it is looked up once, with `root` as its root, and
 * what was found is mounted.
 */
function bindBeneath(root: string, path: string, target: string): void {
  const folder = open(root, O.PATH | O.DIRECTORY | O.CLOEXEC);
  try {
    const found = lookUp(folder, path);
    try {
      makeMountPoint(target, `/proc/self/fd/${found}`);
      mount(`/proc/self/fd/${found}`, target, "", MS.BIND | MS.REC);
    } finally {
      closeQuietly(found);
    }
  } finally {
    closeQuietly(folder);
  }
}

function lookUp(folder: number, path: string): number {
  try {
    return openat2(folder, path, O.PATH | O.CLOEXEC, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    throw systemError(`cannot access path ${path}: no such file or directory`, { cause: error });
  }
}

/** A folder or a file, as what is to be mounted there. */
function makeMountPoint(target: string, source: string): void {
  if (statSync(source).isDirectory()) mkdirSync(target);
  else writeFileSync(target, "");
}
