import { notFound, rfc3339Nano } from "@berth/base";
import {
  AT,
  closeQuietly,
  fstat,
  isErrno,
  O,
  open,
  openat2,
  RESOLVE,
  readlinkat,
  S,
  type Stat,
  SyscallError,
  statx,
} from "@berth/linux";
import { cleaned } from "../files/names.ts";
import type { PathStat } from "./protocol.ts";

/*
 * Paths as Docker's archive endpoints take them. The view is this process' root: "/" is the container's.
 */

/** A path from a client: absolute, cleaned, but with `/` or `/.` at its end when it was there. */
export function absolutePath(path: string): string {
  const clean = cleaned(`/${path}`);
  const last = path.slice(path.replace(/\/+$/, "").lastIndexOf("/") + 1);
  if (last === ".") return clean.endsWith("/") ? `${clean}.` : `${clean}/.`;
  return path.endsWith("/") && !clean.endsWith("/") ? `${clean}/` : clean;
}

/** Go's filepath.Base. */
export function baseName(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  if (trimmed === "") return path === "" ? "." : "/";
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** What a client's path stands for. The last part is not followed when it is a link, unless a slash comes after it. */
export class FoundPath implements Disposable {
  /** The folder that `name` is in; when `name` is `"."`, what was asked for. */
  readonly folder: number;
  readonly name: string;
  readonly stat: Stat;
  readonly absolute: string;

  /** @throws not-found, SyscallError (`lstat /x/y: not a directory`) */
  constructor(path: string) {
    this.absolute = absolutePath(path);
    const slash = this.absolute.lastIndexOf("/");
    this.name = this.absolute.slice(slash + 1) || ".";
    try {
      this.folder = openInView(this.absolute.slice(0, slash + 1), O.RDONLY | O.DIRECTORY);
    } catch (error) {
      throw lookupFailure(error, this.absolute);
    }
    try {
      this.stat = this.name === "." ? fstat(this.folder) : statx(this.folder, this.name);
    } catch (error) {
      closeQuietly(this.folder);
      throw lookupFailure(error, this.absolute);
    }
  }

  get isFolder(): boolean {
    return (this.stat.mode & S.IFMT) === S.IFDIR;
  }

  facts(): PathStat {
    const { mode, size, mtimeSeconds, mtimeNanoseconds } = this.stat;
    return {
      name: baseName(this.absolute),
      size,
      mode: goFileMode(mode),
      mtime: rfc3339Nano(BigInt(mtimeSeconds) * 1_000_000_000n + BigInt(mtimeNanoseconds)),
      linkTarget: (mode & S.IFMT) === S.IFLNK ? resolveLinks(this.absolute) : "",
    };
  }

  [Symbol.dispose](): void {
    closeQuietly(this.folder);
  }
}

/** Opens a path of the view, following links inside it. @throws SyscallError */
export function openInView(path: string, flags: number): number {
  const root = open("/", O.PATH | O.DIRECTORY);
  try {
    return openat2(root, path, flags, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS);
  } finally {
    closeQuietly(root);
  }
}

export function lookupFailure(error: unknown, path: string): unknown {
  if (isErrno(error, "ENOENT")) return notFound(`no such file or directory: ${path}`, { cause: error });
  return error instanceof SyscallError ? new SyscallError("lstat", error.errno, path) : error;
}

const MAX_LINKS = 255;

/**
 * Where a path leads when all links are followed, as text. Parts that do not exist stay as they are, as Docker has it.
 * @throws SyscallError ELOOP
 */
export function resolveLinks(path: string): string {
  const todo = path.split("/").reverse();
  const done: string[] = [];
  for (let links = 0; todo.length > 0; ) {
    const part = todo.pop() as string;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const target = linkAt(`/${[...done, part].join("/")}`);
    if (target === undefined) {
      done.push(part);
      continue;
    }
    if (++links > MAX_LINKS) throw new SyscallError("lstat", 40, path);
    if (target.startsWith("/")) done.length = 0;
    todo.push(...target.split("/").reverse());
  }
  return `/${done.join("/")}`;
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkat(AT.FDCWD, path);
  } catch (error) {
    if (isErrno(error, "EINVAL", "ENOENT", "ENOTDIR", "EACCES", "ENAMETOOLONG")) return undefined;
    throw error;
  }
}

const GO = {
  dir: 0x8000_0000,
  symlink: 0x0800_0000,
  device: 0x0400_0000,
  pipe: 0x0200_0000,
  socket: 0x0100_0000,
  setuid: 0x0080_0000,
  setgid: 0x0040_0000,
  charDevice: 0x0020_0000,
  sticky: 0x0010_0000,
} as const;

const GO_TYPES: Readonly<Record<number, number>> = {
  [S.IFDIR]: GO.dir,
  [S.IFLNK]: GO.symlink,
  [S.IFBLK]: GO.device,
  [S.IFCHR]: GO.device + GO.charDevice,
  [S.IFIFO]: GO.pipe,
  [S.IFSOCK]: GO.socket,
};

/** `st_mode` as Go's os.FileMode has it: a number of 32 bits without a sign. */
export function goFileMode(mode: number): number {
  let bits = (mode & 0o777) + (GO_TYPES[mode & S.IFMT] ?? 0);
  if (mode & S.ISUID) bits += GO.setuid;
  if (mode & S.ISGID) bits += GO.setgid;
  if (mode & S.ISVTX) bits += GO.sticky;
  return bits;
}
