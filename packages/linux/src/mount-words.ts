import { MS } from "./mount.ts";

const FLAGS: Readonly<Record<string, number>> = {
  ro: MS.RDONLY,
  nosuid: MS.NOSUID,
  nodev: MS.NODEV,
  noexec: MS.NOEXEC,
  sync: MS.SYNCHRONOUS,
  noatime: MS.NOATIME,
  nodiratime: MS.NODIRATIME,
  relatime: MS.RELATIME,
  strictatime: MS.STRICTATIME,
  bind: MS.BIND,
  rbind: MS.BIND | MS.REC,
};
/** The opposite of a flag, or nothing at all. */
const EMPTY = new Set(["defaults", "rw", "suid", "dev", "exec", "async", "atime", "diratime", "norelatime"]);

/** Splits options as mount(8) takes them into flags of mount(2) and the file system's own options. */
export function parseMountWords(words: readonly string[]): { flags: number; data: string } {
  let flags = 0;
  const data: string[] = [];
  for (const word of words) {
    if (EMPTY.has(word)) continue;
    const flag = FLAGS[word];
    if (flag === undefined) data.push(word);
    else flags |= flag;
  }
  return { flags, data: data.join(",") };
}
