import { readFileSync, readlinkSync } from "node:fs";
import type { NativeProcess } from "@berth/api/build";

/**
 * Whether it is a process of this machine and every path means for it what it means here: it has these arguments, its files are mounted
 * where ours are, and its root is ours. A client elsewhere, behind a socket that somebody passes on, has another number or other
 * arguments than the process that has its number here.
 */
export function seesSameFiles({ pid, arguments: given }: NativeProcess): boolean {
  const isSame = (link: string) =>
    readlinkSync(`/proc/${pid}/${link}`) === readlinkSync(`/proc/self/${link}`);
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    const from = words.indexOf("\0") + 1;
    return (
      words.slice(from) === given.map((word) => `${word}\0`).join("") && isSame("ns/mnt") && isSame("root")
    );
  } catch {
    return false;
  }
}
