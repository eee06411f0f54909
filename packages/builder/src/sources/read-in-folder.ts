import { systemError } from "@berth/base";
import { closeQuietly, fstat, isErrno, O, open, openat2, RESOLVE, read, readFull, S } from "@berth/linux";

const PIECE = 1 << 20;

/** A regular file that is open. */
export interface FolderFile extends Disposable {
  size: number;
  /** `size` bytes. @throws system when the file became shorter */
  pieces(): Generator<Uint8Array>;
  bytes(): Uint8Array;
}

/** A regular file below a folder; links do not lead out of it. Undefined when there is none. @throws SyscallError */
export function openInFolder(folder: string, path: string): FolderFile | undefined {
  const root = open(folder, O.PATH | O.DIRECTORY);
  let fd: number;
  try {
    fd = openat2(root, path, O.RDONLY | O.NONBLOCK, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "ENXIO")) return undefined;
    throw error;
  } finally {
    closeQuietly(root);
  }
  const { mode, size } = fstat(fd);
  if ((mode & S.IFMT) !== S.IFREG) {
    closeQuietly(fd);
    return undefined;
  }
  return {
    size,
    *pieces() {
      for (let left = size; left > 0; ) {
        const buffer = new Uint8Array(Math.min(PIECE, left));
        const count = read(fd, buffer);
        if (count <= 0) throw systemError(`${path} became shorter while it was read`);
        left -= count;
        yield buffer.subarray(0, count);
      }
    },
    bytes() {
      const bytes = Buffer.alloc(size);
      return bytes.subarray(0, readFull(fd, bytes));
    },
    [Symbol.dispose]: () => closeQuietly(fd),
  };
}

/** Its content; undefined when there is no such file, or it is larger than `maximum`. */
export function readInFolder(folder: string, path: string, maximum: number): Uint8Array | undefined {
  using file = openInFolder(folder, path);
  return file === undefined || file.size > maximum ? undefined : file.bytes();
}
