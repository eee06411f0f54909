import { forbidden } from "@berth/base";
import { fchdir, isErrno, setXattr } from "@berth/linux";
import { quoted } from "../files/names.ts";

/** Whether an archive may say `name`. `trusted.*` belongs to the host: overlayfs steers by it. */
function isRefused(name: string): boolean {
  return name.startsWith("trusted.");
}

/**
 * Sets the extended attributes of an archive's entry. What the file system or the kind of file cannot have is told in
 * `warn`, as Docker does, for an image must not be unusable because of a label.
 * @param target an open file, or a folder and the name of a file in it that cannot be opened.
 * @throws forbidden for attributes that belong to the host, SyscallError
 */
export function applyXattrs(
  target: number | { folder: number; name: string },
  xattrs: ReadonlyMap<string, Uint8Array>,
  path: string,
  warn: (message: string) => void,
): void {
  for (const name of xattrs.keys()) {
    if (isRefused(name))
      throw forbidden(`extended attribute ${quoted(name)} of ${quoted(path)} is not allowed in an archive`);
  }
  // There are no calls with a folder's descriptor for attributes; the leading "./" keeps the name what it is.
  if (typeof target !== "number") fchdir(target.folder);
  for (const [name, value] of xattrs) {
    try {
      setXattr(typeof target === "number" ? target : `./${target.name}`, name, value);
    } catch (error) {
      if (!isErrno(error, "EOPNOTSUPP", "EPERM")) throw error;
      warn(`${path}: the extended attribute ${name} is not supported here`);
    }
  }
}
