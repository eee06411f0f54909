import { AT, O } from "./constants.ts";
import { isErrno } from "./errno.ts";
import { chdir, open, unlinkat } from "./fs.ts";
import { closeQuietly } from "./io.ts";
import { mount } from "./mount.ts";

export interface OverlayLayers {
  /** Topmost first; at least one. */
  lower: readonly string[];
  /** Absent: a read-only view. */
  upper?: string;
  work?: string;
  /** No sync and no fsync reaches the upper layer: for what is thrown away. `forgetVolatile` before its next mount. */
  volatile?: boolean;
}

/**
 * Takes away the mark that overlayfs leaves in a work folder that was mounted as volatile, and for which it refuses another mount
 * in case the machine crashed in between. Only for mounts that are known to have ended in order, or whose content does not matter.
 */
export function forgetVolatile(work: string): void {
  const mark = `${work}/work/incompat/volatile`;
  try {
    // The kernel looks for the folder; since 5.10 it has a file in it.
    try {
      unlinkat(AT.FDCWD, `${mark}/dirty`);
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
    }
    unlinkat(AT.FDCWD, mark, AT.REMOVEDIR);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
  }
}

/** mount(2) takes at most one page of options, its closing zero included. */
const OPTIONS_LIMIT = 4095;

const escapePath = (path: string) => path.replace(/[\\:,]/g, "\\$&");

/**
 * Layers must be complete in themselves, since they are packed and moved: no references to folders of other layers, no files
 * without their content. And several mounts may look at one upper folder. Kernels differ in their defaults.
 */
const PLAIN = ",redirect_dir=off,metacopy=off,index=off";

/**
 * Mounts layers at `target` with overlayfs (Documentation/filesystems/overlayfs.rst). When absolute paths do not fit into the page
 * that the kernel takes, the layers are named by the numbers of descriptors, for which /proc must be mounted; the working
 * directory is "/" afterwards. The kernel takes up to 500 layers.
 * @throws SyscallError; RangeError when even then they do not fit.
 */
export function mountOverlay(layers: OverlayLayers, target: string, flags = 0): void {
  const { upper, work } = layers;
  const tail =
    upper === undefined || work === undefined
      ? ""
      : `,upperdir=${escapePath(upper)},workdir=${escapePath(work)}${PLAIN}${layers.volatile ? ",volatile" : ""}`;
  let options = `lowerdir=${layers.lower.map(escapePath).join(":")}${tail}`;
  const descriptors: number[] = [];
  try {
    if (options.length > OPTIONS_LIMIT) {
      for (const path of layers.lower) descriptors.push(open(path, O.PATH | O.DIRECTORY));
      chdir("/proc/self/fd");
      options = `lowerdir=${descriptors.join(":")}${tail}`;
    }
    if (options.length > OPTIONS_LIMIT)
      throw new RangeError(`${layers.lower.length} layers do not fit into the options of an overlay mount`);
    mount("overlay", target, "overlay", flags, options);
  } finally {
    for (const fd of descriptors) closeQuietly(fd);
    chdir("/");
  }
}
