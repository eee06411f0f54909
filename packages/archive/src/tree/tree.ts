/** An entry of a tree that a copy may take. */
export interface TreeEntry {
  /** Below the tree's root, without slashes at the ends; `""` is the root itself. */
  path: string;
  /** `st_mode`: kind and permissions. */
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Of a symbolic link. */
  link?: string;
  /** What a later look must find unchanged: inode, size, times of modification and change. */
  stamp: string;
  /** Hex: kind, permissions, attributes, and content or link. Without owner and times. */
  digest?: string;
}

/** How paths are looked up in a tree, links not followed: in a listing, or on the disk. */
export interface TreeLookup {
  /** Undefined: nothing is there. */
  find(path: string): { mode: number; link?: string } | undefined;
  /** Names in a folder, in any order. */
  names(path: string): Iterable<string>;
}
