/** What an archive member is. `file` covers regular and contiguous files, sparse ones included. */
export type EntryType = "file" | "link" | "symlink" | "char" | "block" | "directory" | "fifo";

/** Seconds since 1970 (may be negative) and nanoseconds within the second, 0..999999999. */
export interface TarTime {
  seconds: number;
  nanoseconds: number;
}

/** A run of bytes that is stored; what lies between the runs of a sparse file are holes. */
export interface Extent {
  offset: number;
  length: number;
}

/**
 * One member of a tar archive. Texts are names as `decodeName` of @berth/linux makes them: any bytes survive.
 * A name is as the archive has it (`./`, leading and trailing slashes, `..` and all): nothing in an entry can be trusted.
 */
export interface TarEntry {
  type: EntryType;
  name: string;
  /** Target of `link` and `symlink`, else empty. */
  linkName: string;
  /** Permission bits, 0..07777. */
  mode: number;
  uid: number;
  gid: number;
  uname: string;
  gname: string;
  /** Bytes of a `file` as its reader sees it, holes included; 0 for all other types. */
  size: number;
  mtime: TarTime;
  atime?: TarTime | undefined;
  ctime?: TarTime | undefined;
  deviceMajor: number;
  deviceMinor: number;
  /** Extended attributes (`SCHILY.xattr.*` records); absent when there are none. */
  xattrs?: ReadonlyMap<string, Uint8Array> | undefined;
  /** Ordered and disjoint, all within `size`; absent when the content has no holes. */
  sparse?: readonly Extent[] | undefined;
}
