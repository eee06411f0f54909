import { fchdir, isErrno, setXattr } from "@berth/linux";
import { quoted } from "../files/names.ts";

/** `trusted.*` belongs to the host, not to archives: overlayfs steers by it. */
function isOfHost(name: string): boolean {
  return name.startsWith("trusted.");
}

/**
 * Sets the extended attributes of an archive's entry. What belongs to the host, and what the file system or the kind of file
 * cannot have, is left out and told in `warn`: an image must not be unusable because of a label.
 * @param target an open file, or a folder and the name of a file in it that cannot be opened.
 * @throws SyscallError
 */
export function applyXattrs(
  target: number | { folder: number; name: string },
  xattrs: ReadonlyMap<string, Uint8Array>,
  path: string,
  warn: (message: string) => void,
): void {
  // There are no calls with a folder's descriptor for attributes; the leading "./" keeps the name what it is.
  if (typeof target !== "number") fchdir(target.folder);
  for (const [name, value] of xattrs) {
    if (isOfHost(name)) {
      warn(`${path}: the extended attribute ${quoted(name)} belongs to the host and is left out`);
      continue;
    }
    try {
      setXattr(typeof target === "number" ? target : `./${target.name}`, name, value);
    } catch (error) {
      if (!isErrno(error, "EOPNOTSUPP", "EPERM")) throw error;
      warn(`${path}: the extended attribute ${name} is not supported here`);
    }
  }
}
