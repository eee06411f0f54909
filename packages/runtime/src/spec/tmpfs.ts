import { invalidParameter } from "@berth/base";

/** Words of mount(8) that exclude each other: the last one said counts. */
const GROUPS: readonly (readonly string[])[] = [
  ["ro", "rw"],
  ["suid", "nosuid"],
  ["dev", "nodev"],
  ["exec", "noexec"],
  ["sync", "async"],
  ["dirsync"],
  ["remount"],
  ["mand", "nomand"],
  ["atime", "noatime"],
  ["diratime", "nodiratime"],
  ["bind", "rbind"],
  ["relatime", "norelatime", "strictatime", "nostrictatime"],
  ["private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"],
];
const GROUP_OF = new Map(
  GROUPS.flatMap((words, group) => words.map((word) => [word, String(group)] as const)),
);
/** Options with a value that tmpfs has (tmpfs(5)) and Docker lets through. */
const WITH_VALUE = new Set(["mode", "uid", "gid", "size", "nr_blocks", "nr_inodes"]);

/** What a tmpfs has before anything is said: nothing in it runs, is set-uid or is a device. */
const DEFAULTS = ["noexec", "nosuid", "nodev", "rprivate"];

/**
 * Options of a tmpfs mount: the defaults and what was asked, where a later word takes the place of an earlier one it
 * contradicts. @throws invalid-parameter `invalid tmpfs option ["x"]`
 */
export function tmpfsOptions(asked: readonly string[]): string[] {
  const all = [...DEFAULTS, ...asked];
  const seen = new Set<string>();
  const merged: string[] = [];
  for (const option of all.toReversed()) {
    const key = GROUP_OF.get(option) ?? keyOfValue(option);
    if (seen.has(key)) continue;
    seen.add(key);
    merged.unshift(option);
  }
  return merged;
}

function keyOfValue(option: string): string {
  const at = option.indexOf("=");
  const key = at < 0 ? option : option.slice(0, at);
  if (option === "defaults") return key;
  if (at < 0 || !WITH_VALUE.has(key)) {
    // Docker prints the list of the option's parts.
    const parts = at < 0 ? [key] : [key, option.slice(at + 1)];
    throw invalidParameter(`invalid tmpfs option [${parts.map((part) => JSON.stringify(part)).join(" ")}]`);
  }
  return key;
}
