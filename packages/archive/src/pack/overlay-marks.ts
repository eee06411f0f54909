import { systemError } from "@berth/base";
import { getXattr, listXattrs, S, type Stat } from "@berth/linux";

/** What the upper folder of an overlay says with extended attributes (kernel: Documentation/filesystems/overlayfs.rst). */
export interface Attributes {
  /** Those that belong to the content: what a layer carries. */
  xattrs: Map<string, Uint8Array> | undefined;
  opaque: boolean;
  /** A file that stands for a deletion (the form without device files). */
  whiteout: boolean;
}

const NONE: Attributes = { xattrs: undefined, opaque: false, whiteout: false };
const OVERLAY = "trusted.overlay.";

/**
 * Reads the attributes of an open file. Left out are the host's own: `trusted.*` and the SELinux label.
 * @param path for messages.
 * @throws system when the folder refers to others by options that layers cannot express.
 */
export function readAttributes(fd: number, path: string, overlay: boolean): Attributes {
  const names = listXattrs(fd);
  if (names.length === 0) return NONE;
  const result: Attributes = { xattrs: undefined, opaque: false, whiteout: false };
  for (const name of names) {
    if (name.startsWith("trusted.")) {
      if (overlay && name.startsWith(OVERLAY)) mark(result, fd, name.slice(OVERLAY.length), path);
    } else if (name !== "security.selinux") {
      const value = getXattr(fd, name);
      if (value === undefined) continue;
      result.xattrs ??= new Map();
      result.xattrs.set(name, value);
    }
  }
  return result;
}

function mark(result: Attributes, fd: number, name: string, path: string): void {
  if (name === "opaque") result.opaque = getXattr(fd, OVERLAY + name)?.[0] === 0x79;
  else if (name === "whiteout") result.whiteout = true;
  else if (name === "redirect" || name === "metacopy") {
    throw systemError(`the layer cannot be read: /${path} has the overlay attribute "${name}"`, {
      hint: "The container was run on an overlay with redirect_dir or metacopy; these options must be off.",
    });
  }
}

/** True for the device file that overlayfs puts where something was deleted. */
export function isWhiteoutDevice(stat: Stat): boolean {
  return (stat.mode & S.IFMT) === S.IFCHR && stat.rdevMajor === 0 && stat.rdevMinor === 0;
}
