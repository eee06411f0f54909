import type { MountPropagation } from "@berth/api";
import { invalidParameter } from "@berth/base";

/** The third part of `-v source:target:mode`: comma-separated words, at most one of each group. */
const GROUPS: Record<string, readonly string[]> = {
  access: ["rw", "ro"],
  label: ["z", "Z"],
  propagation: ["private", "rprivate", "slave", "rslave", "shared", "rshared"],
  copy: ["nocopy"],
  consistency: ["consistent", "cached", "delegated"],
};
const GROUP_OF = new Map(
  Object.entries(GROUPS).flatMap(([group, words]) => words.map((word) => [word, group] as const)),
);

export function isMode(text: string): boolean {
  if (text === "") return true;
  const seen = new Set<string>();
  for (const word of text.split(",")) {
    const group = GROUP_OF.get(word);
    if (group === undefined || seen.has(group)) return false;
    seen.add(group);
  }
  return true;
}

export interface Mode {
  readOnly: boolean;
  propagation: MountPropagation;
  nocopy: boolean;
}

/** @throws invalid-parameter `invalid mode: x`. */
export function parseMode(text: string): Mode {
  if (!isMode(text)) throw invalidParameter(`invalid mode: ${text}`);
  const words = text.split(",");
  return {
    readOnly: words.includes("ro"),
    propagation: (words.find((word) => GROUP_OF.get(word) === "propagation") ?? "") as MountPropagation,
    nocopy: words.includes("nocopy"),
  };
}

export function isPropagation(text: string): text is MountPropagation {
  return GROUP_OF.get(text) === "propagation";
}
