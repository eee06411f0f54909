import {
  AT,
  closeQuietly,
  getXattr,
  listXattrs,
  O,
  openat,
  read,
  readDirectory,
  readlinkat,
  S,
  statx,
} from "@berth/linux";

export interface ListingOptions {
  /** Leave the times out. */
  times?: false;
  /** Leave overlayfs' own attributes out. */
  overlay?: false;
}

/** Everything about a tree that a copy of it must have too, one line for each entry, sorted. */
export function listing(root: string, options: ListingOptions = {}): string[] {
  const lines: string[] = [];
  const links = new Map<string, string>();
  const visit = (path: string) => {
    const full = path === "" ? root : `${root}/${path}`;
    const stat = statx(AT.FDCWD, full);
    const kind = stat.mode & S.IFMT;
    const facts = [stat.mode.toString(8), `${stat.uid}:${stat.gid}`];
    if (options.times !== false) facts.push(`${stat.mtimeSeconds}.${stat.mtimeNanoseconds}`);
    if (kind === S.IFLNK) facts.push(`-> ${readlinkat(AT.FDCWD, full)}`);
    if (kind === S.IFCHR || kind === S.IFBLK) facts.push(`device ${stat.rdevMajor}:${stat.rdevMinor}`);
    if (kind === S.IFREG) facts.push(`${stat.size} ${hashOf(full)}`);
    if (kind !== S.IFDIR && stat.nlink > 1) {
      const first = links.get(String(stat.ino)) ?? path;
      links.set(String(stat.ino), first);
      facts.push(`= ${first}`);
    }
    const names = listXattrs(full).filter(
      (name) => options.overlay !== false || !name.startsWith("trusted.overlay."),
    );
    for (const name of names.sort())
      facts.push(`${name}=${Buffer.from(getXattr(full, name) ?? []).toString("hex")}`);
    lines.push(`${path} ${facts.join(" ")}`);
    if (kind !== S.IFDIR) return;
    const fd = openat(AT.FDCWD, full, O.RDONLY | O.DIRECTORY);
    const below = readDirectory(fd).map((entry) => entry.name);
    closeQuietly(fd);
    for (const name of below.sort()) visit(path === "" ? name : `${path}/${name}`);
  };
  visit("");
  return lines;
}

function hashOf(path: string): string {
  const fd = openat(AT.FDCWD, path, O.RDONLY);
  const hasher = new Bun.CryptoHasher("md5");
  const buffer = new Uint8Array(1 << 20);
  for (let count = read(fd, buffer); count > 0; count = read(fd, buffer))
    hasher.update(buffer.subarray(0, count));
  closeQuietly(fd);
  return hasher.digest("hex");
}
