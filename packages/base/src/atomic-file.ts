/** Publishes `data` at `path`: write beside it, fsync, rename, fsync the folder. Readers see the old or the new file. */
export function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): void {
  // Loaded at the moment of use: programs that publish no file start sooner without.
  const { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } =
    process.getBuiltinModule("node:fs");
  const { dirname } = process.getBuiltinModule("node:path");
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`;
  const fd = openSync(temporary, "wx", mode);
  try {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
    renameSync(temporary, path);
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // The first error is the one that matters.
    }
    throw error;
  } finally {
    closeSync(fd);
  }
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
