import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AT, makeDevice, O, S } from "./constants.ts";
import { isErrno, SyscallError } from "./errno.ts";
import {
  existsAt,
  fchmodat,
  fchownat,
  linkat,
  mkdirat,
  mknodat,
  open,
  openat,
  openat2,
  RENAME,
  RESOLVE,
  readlinkat,
  renameat2,
  symlinkat,
  unlinkat,
  utimensat,
} from "./fs.ts";
import {
  close,
  copyFileRange,
  F,
  fcntl,
  flock,
  ftruncate,
  LOCK,
  lseek,
  pread,
  pwrite,
  read,
  readFull,
  SEEK,
  write,
  writeAll,
} from "./io.ts";
import { fstat, isSymlink, readDirectory, statIfExists, statx } from "./stat.ts";
import { getXattr, listXattrs, removeXattr, setXattr } from "./xattr.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-fs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let counter = 0;

/** A descriptor of a new empty folder, and its path. */
function fresh(): { fd: number; path: string; [Symbol.dispose](): void } {
  const path = join(folder, String(counter++));
  mkdirat(AT.FDCWD, path, 0o755);
  const fd = open(path, O.RDONLY | O.DIRECTORY);
  return { fd, path, [Symbol.dispose]: () => close(fd) };
}

function code(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof SyscallError) return error.code;
    throw error;
  }
  return "no error";
}

test("bytes go in and come out, at positions beyond 4 GiB too", () => {
  using root = fresh();
  const fd = openat(root.fd, "file", O.RDWR | O.CREAT | O.EXCL, 0o600);
  writeAll(fd, Buffer.from("hello world"));
  lseek(fd, 6, SEEK.SET);
  const buffer = new Uint8Array(32);
  expect(read(fd, buffer, 3)).toBe(5);
  expect(Buffer.from(buffer.subarray(3, 8)).toString()).toBe("world");
  expect(read(fd, buffer)).toBe(0);
  const far = 2 ** 33 + 11;
  expect(pwrite(fd, Buffer.from("xyz"), 1, 2, far)).toBe(2);
  expect(pread(fd, buffer, 0, 2, far)).toBe(2);
  expect(Buffer.from(buffer.subarray(0, 2)).toString()).toBe("yz");
  expect(lseek(fd, 65536, SEEK.DATA)).toBeGreaterThan(2 ** 32);
  expect(lseek(fd, far + 2, SEEK.END)).toBeGreaterThan(far);
  expect(lseek(fd, 2 ** 35, SEEK.DATA)).toBe(-1);
  expect(fstat(fd).size).toBe(far + 2);
  ftruncate(fd, 5);
  expect(readFileSync(join(root.path, "file"), "utf8")).toBe("hello");
  close(fd);
});

test("a length beyond the buffer is refused before the kernel sees it", () => {
  const buffer = new Uint8Array(4);
  expect(() => read(0, buffer, 2, 3)).toThrow(RangeError);
  expect(() => write(1, buffer, -1, 2)).toThrow(RangeError);
  expect(() => write(1, buffer, Number.NaN, 2)).toThrow(RangeError);
  expect(() => pread(0, buffer, 0, 5, 0)).toThrow(RangeError);
});

test("errors tell the call, the path and the code, in Go's words", () => {
  const path = join(folder, "nothing", "here");
  try {
    open(path, O.RDONLY);
    expect.unreachable();
  } catch (error) {
    expect(isErrno(error, "ENOENT")).toBe(true);
    expect(error).toMatchObject({ syscall: "open", errno: 2, path, kind: "system" });
    expect((error as Error).message).toBe(`open ${path}: no such file or directory`);
  }
});

test("a path with a NUL byte or of more than a page is refused", () => {
  expect(code(() => open("/tmp\0/x", O.RDONLY))).toBe("EINVAL");
  expect(code(() => open("/".padEnd(5000, "x"), O.RDONLY))).toBe("ENAMETOOLONG");
  expect(code(() => open(`/${"ä".repeat(2100)}`, O.RDONLY))).toBe("ENAMETOOLONG");
});

test("openat2 with RESOLVE_IN_ROOT does not leave the root", () => {
  using root = fresh();
  writeFileSync(join(folder, "secret"), "outside");
  mkdirat(root.fd, "etc", 0o755);
  writeFileSync(join(root.path, "etc/secret"), "inside");
  symlinkat("/etc", root.fd, "absolute");
  symlinkat("../../../../../../etc", root.fd, "climbing");
  symlinkat("/proc/self/root", root.fd, "magic");
  for (const path of [
    "absolute/secret",
    "climbing/secret",
    "../../etc/secret",
    "/etc/secret",
    "etc/../../etc/secret",
  ]) {
    const fd = openat2(root.fd, path, O.RDONLY);
    const buffer = new Uint8Array(16);
    expect(Buffer.from(buffer.subarray(0, readFull(fd, buffer))).toString()).toBe("inside");
    close(fd);
  }
  expect(code(() => openat2(root.fd, "../secret", O.RDONLY))).toBe("ENOENT");
  expect(code(() => openat2(root.fd, "magic/etc/passwd", O.RDONLY))).toBe("ENOENT");
  expect(code(() => openat2(root.fd, "../secret", O.RDONLY, RESOLVE.BENEATH))).toBe("EXDEV");
  expect(
    code(() => openat2(root.fd, "absolute/secret", O.RDONLY, RESOLVE.IN_ROOT | RESOLVE.NO_SYMLINKS)),
  ).toBe("ELOOP");
  const made = openat2(root.fd, "/new", O.WRONLY | O.CREAT | O.EXCL, RESOLVE.IN_ROOT, 0o640);
  expect(fstat(made).mode).toBe(S.IFREG | 0o640);
  close(made);
});

test("names that are not UTF-8 are listed, opened and removed", () => {
  using root = fresh();
  const raw = Uint8Array.of(0x66, 0xff, 0xfe, 0x2e);
  close(openat(root.fd, raw, O.CREAT | O.WRONLY, 0o644));
  const [entry, ...rest] = readDirectory(root.fd);
  expect(rest).toEqual([]);
  expect(entry).toMatchObject({ name: "f\udcff\udcfe.", type: S.IFREG });
  expect(statx(root.fd, entry!.name).mode & S.IFMT).toBe(S.IFREG);
  unlinkat(root.fd, entry!.name);
  expect(existsAt(root.fd, raw)).toBe(false);
});

test("a folder of thousands of names is listed whole", () => {
  using root = fresh();
  const names = Array.from({ length: 3000 }, (_, index) => `a-rather-long-name-of-a-file-${index}`);
  for (const name of names) mknodat(root.fd, name, S.IFREG | 0o600);
  expect(
    readDirectory(root.fd)
      .map((entry) => entry.name)
      .sort(),
  ).toEqual(names.sort());
});

test("links, devices, owners, modes and times", () => {
  using root = fresh();
  mknodat(root.fd, "device", S.IFCHR | 0o600, makeDevice(4095, 1048575));
  expect(statx(root.fd, "device")).toMatchObject({ rdevMajor: 4095, rdevMinor: 1048575 });
  mknodat(root.fd, "whiteout", S.IFCHR, makeDevice(0, 0));
  linkat(root.fd, "device", root.fd, "other");
  expect(statx(root.fd, "other")).toMatchObject({ nlink: 2, ino: statx(root.fd, "device").ino });
  symlinkat("no/where", root.fd, "link");
  expect(readlinkat(root.fd, "link")).toBe("no/where");
  expect(isSymlink(statx(root.fd, "link").mode)).toBe(true);
  expect(existsAt(root.fd, "link")).toBe(true);
  fchownat(root.fd, "link", 1234, 4_000_000_000, AT.SYMLINK_NOFOLLOW);
  expect(statx(root.fd, "link")).toMatchObject({ uid: 1234, gid: 4_000_000_000 });
  fchownat(root.fd, "link", -1, 7, AT.SYMLINK_NOFOLLOW);
  expect(statx(root.fd, "link")).toMatchObject({ uid: 1234, gid: 7 });
  fchmodat(root.fd, "device", 0o4751);
  expect(statx(root.fd, "device").mode).toBe(S.IFCHR | 0o4751);
  utimensat(root.fd, "link", "omit", { seconds: -1, nanoseconds: 999_999_999 }, AT.SYMLINK_NOFOLLOW);
  expect(statx(root.fd, "link")).toMatchObject({ mtimeSeconds: -1, mtimeNanoseconds: 999_999_999 });
  utimensat(root.fd, "link", "omit", { seconds: 5_000_000_000, nanoseconds: 1 }, AT.SYMLINK_NOFOLLOW);
  expect(statx(root.fd, "link").mtimeSeconds).toBe(5_000_000_000);
  renameat2(root.fd, "other", root.fd, "moved", RENAME.NOREPLACE);
  expect(code(() => renameat2(root.fd, "moved", root.fd, "device", RENAME.NOREPLACE))).toBe("EEXIST");
  expect(statIfExists(root.fd, "other")).toBeUndefined();
});

test("extended attributes of files, folders and links", () => {
  using root = fresh();
  close(openat(root.fd, "file", O.CREAT | O.WRONLY, 0o644));
  symlinkat("file", root.fd, "link");
  const file = join(root.path, "file");
  const value = Uint8Array.of(0, 255, 1);
  setXattr(file, "trusted.overlay.opaque", value);
  setXattr(file, "user.empty", new Uint8Array(0));
  expect(getXattr(file, "trusted.overlay.opaque")).toEqual(value);
  expect(getXattr(file, "user.empty")).toEqual(new Uint8Array(0));
  expect(listXattrs(file).sort()).toEqual(["trusted.overlay.opaque", "user.empty"]);
  expect(listXattrs(join(root.path, "link"))).toEqual([]);
  expect(getXattr(file, "user.other")).toBeUndefined();
  expect(removeXattr(file, "user.empty")).toBe(true);
  expect(removeXattr(file, "user.empty")).toBe(false);
  setXattr(root.fd, "user.folder", value);
  expect(listXattrs(root.fd)).toEqual(["user.folder"]);
  expect(getXattr(root.fd, "user.folder")).toEqual(value);
});

test("descriptors are closed by exec, files are copied in the kernel, locks exclude", () => {
  using root = fresh();
  const from = openat(root.fd, "from", O.RDWR | O.CREAT, 0o600);
  expect(fcntl(from, F.GETFD)).toBe(1);
  writeAll(from, Buffer.alloc(100_000, "q"));
  lseek(from, 0, SEEK.SET);
  const to = openat(root.fd, "to", O.RDWR | O.CREAT, 0o600);
  let copied = 0;
  for (let count = -1; count !== 0; copied += count) count = copyFileRange(from, to, 60_000);
  expect(copied).toBe(100_000);
  const again = openat(root.fd, "from", O.RDONLY);
  expect(flock(from, LOCK.EX | LOCK.NB)).toBe(true);
  expect(flock(again, LOCK.EX | LOCK.NB)).toBe(false);
  expect(flock(from, LOCK.UN)).toBe(true);
  expect(flock(again, LOCK.EX | LOCK.NB)).toBe(true);
  for (const fd of [from, to, again]) close(fd);
});
