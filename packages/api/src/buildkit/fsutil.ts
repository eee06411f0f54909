import type { Stat } from "./common-messages.ts";

/** Kinds and bits of Go's FileMode. */
const GO = {
  DIR: 0x80000000,
  SYMLINK: 0x08000000,
  DEVICE: 0x04000000,
  PIPE: 0x02000000,
  SOCKET: 0x01000000,
  SETUID: 0x00800000,
  SETGID: 0x00400000,
  CHAR: 0x00200000,
  STICKY: 0x00100000,
} as const;

/** Kinds of Linux's st_mode. */
export const S = {
  IFMT: 0o170000,
  IFSOCK: 0o140000,
  IFLNK: 0o120000,
  IFREG: 0o100000,
  IFBLK: 0o060000,
  IFDIR: 0o040000,
  IFCHR: 0o020000,
  IFIFO: 0o010000,
} as const;

/** Go's FileMode → st_mode. */
export function unixMode(mode: number): number {
  const has = (bit: number) => (mode & bit) !== 0;
  const kind = has(GO.DIR)
    ? S.IFDIR
    : has(GO.SYMLINK)
      ? S.IFLNK
      : has(GO.DEVICE)
        ? has(GO.CHAR)
          ? S.IFCHR
          : S.IFBLK
        : has(GO.PIPE)
          ? S.IFIFO
          : has(GO.SOCKET)
            ? S.IFSOCK
            : S.IFREG;
  const special =
    (has(GO.SETUID) ? 0o4000 : 0) | (has(GO.SETGID) ? 0o2000 : 0) | (has(GO.STICKY) ? 0o1000 : 0);
  return kind | special | (mode & 0o777);
}

/** st_mode → Go's FileMode, as an unsigned number. */
export function goMode(mode: number): number {
  let out = mode & 0o777;
  if (mode & 0o4000) out |= GO.SETUID;
  if (mode & 0o2000) out |= GO.SETGID;
  if (mode & 0o1000) out |= GO.STICKY;
  switch (mode & S.IFMT) {
    case S.IFDIR:
      out |= GO.DIR;
      break;
    case S.IFLNK:
      out |= GO.SYMLINK;
      break;
    case S.IFIFO:
      out |= GO.PIPE;
      break;
    case S.IFSOCK:
      out |= GO.SOCKET;
      break;
    case S.IFBLK:
      out |= GO.DEVICE;
      break;
    case S.IFCHR:
      out |= GO.DEVICE | GO.CHAR;
      break;
  }
  return out >>> 0;
}

/** Whether fsutil's sender has content for it: regular files that are not a further name of another. */
export function hasContent(stat: Stat): boolean {
  return (unixMode(stat.mode) & S.IFMT) === S.IFREG && stat.linkname === "";
}

/**
 * Values of a header that may hold anything but ASCII: the bytes of their UTF-8, which all clients take. Control characters have no
 * place in a header: with `<name>-encoded: 1` values are query-escaped, which clients of 2023 and later take.
 */
export function encodeHeader(name: string, values: readonly string[]): Record<string, string[]> {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (!values.some((value) => /[\x00-\x1f\x7f]/.test(value)))
    return { [name]: values.map((value) => Buffer.from(value).toString("latin1")) };
  const escaped = values.map((value) => encodeURIComponent(value).replaceAll("%20", "+"));
  return { [name]: escaped, [`${name}-encoded`]: ["1"] };
}

export function decodeHeader(metadata: ReadonlyMap<string, readonly string[]>, name: string): string[] {
  const values = metadata.get(name) ?? [];
  const encoded = metadata.get(`${name}-encoded`)?.[0];
  if (encoded !== "1" && encoded !== "true")
    return values.map((value) => Buffer.from(value, "latin1").toString());
  return values.map((value) => {
    try {
      return decodeURIComponent(value.replaceAll("+", " "));
    } catch {
      return "";
    }
  });
}
