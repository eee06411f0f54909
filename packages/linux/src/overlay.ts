import { chdir } from "./fs.ts";
import { mount } from "./mount.ts";

export interface OverlayLayers {
  /** Topmost first; at least one. */
  lower: readonly string[];
  /** Absent: a read-only view. */
  upper?: string;
  work?: string;
}

/** mount(2) takes at most one page of options, its closing zero included. */
const OPTIONS_LIMIT = 4095;

const escapePath = (path: string) => path.replace(/[\\:,]/g, "\\$&");

/**
 * Mounts layers at `target` with overlayfs (Documentation/filesystems/overlayfs.rst). When absolute paths do not fit into the page
 * that the kernel takes, the layers are named relative to the folder they share; the working directory is "/" afterwards.
 * @throws SyscallError; RangeError when even then they do not fit.
 */
export function mountOverlay(layers: OverlayLayers, target: string, flags = 0): void {
  const { upper, work } = layers;
  const tail =
    upper === undefined || work === undefined
      ? ""
      : `,upperdir=${escapePath(upper)},workdir=${escapePath(work)}`;
  let lower = layers.lower.map(escapePath).join(":");
  if (lower.length + tail.length + 9 > OPTIONS_LIMIT) {
    const base = commonFolder(layers.lower);
    chdir(base);
    lower = layers.lower.map((path) => escapePath(path.slice(base.length + 1))).join(":");
  }
  const options = `lowerdir=${lower}${tail}`;
  try {
    if (options.length > OPTIONS_LIMIT)
      throw new RangeError(`${layers.lower.length} layers do not fit into the options of an overlay mount`);
    mount("overlay", target, "overlay", flags, options);
  } finally {
    chdir("/");
  }
}

function commonFolder(paths: readonly string[]): string {
  let folder = paths[0]!.slice(0, paths[0]!.lastIndexOf("/"));
  while (!paths.every((path) => path.startsWith(`${folder}/`)))
    folder = folder.slice(0, folder.lastIndexOf("/"));
  return folder === "" ? "/" : folder;
}
