import {
  closeQuietly,
  fchmod,
  fchown,
  fstat,
  getXattr,
  isErrno,
  listXattrs,
  O,
  openat2,
  RESOLVE,
  setXattr,
} from "@berth/linux";

/**
 * Gives a folder that an archive uses without listing it the owner, mode and attributes that the same folder has in the
 * layers below. In an overlay the uppermost folder's attributes count, and a new one would hide the real ones.
 * @param lower open folders of the layers, topmost first.
 */
export function inheritAttributes(fd: number, path: string, lower: readonly number[]): void {
  for (const layer of lower) {
    let from: number;
    try {
      from = openat2(layer, path, O.RDONLY | O.DIRECTORY, RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS);
    } catch (error) {
      if (isErrno(error, "ENOENT")) continue;
      // Something else has the name there (a whiteout, a file): the folder is new.
      if (isErrno(error, "ENOTDIR", "ELOOP", "ENAMETOOLONG")) return;
      throw error;
    }
    try {
      const stat = fstat(from);
      fchown(fd, stat.uid, stat.gid);
      fchmod(fd, stat.mode & 0o7777);
      for (const name of listXattrs(from)) {
        const value = name.startsWith("trusted.") ? undefined : getXattr(from, name);
        if (value !== undefined) setXattr(fd, name, value);
      }
    } finally {
      closeQuietly(from);
    }
    return;
  }
}
