import { Errno, S, SyscallError } from "@berth/linux";
import { folderOf, joined } from "../files/names.ts";
import { hasWildcard, matchPart } from "./match.ts";
import type { TreeLookup } from "./tree.ts";

const MAX_LINKS = 255;
const MAX_MATCHES = 100_000;

/** One path that a source pattern of COPY stands for. */
export interface Match {
  /** As it was named: links in it are not resolved. */
  path: string;
  /** Where it is after all. */
  real: string;
  /** Its own mode. */
  mode: number;
}

/**
 * What a path with Go's wildcards stands for, below the root of the tree; links are followed, never out of the tree.
 * `..` does not lead out of it either. Sorted. @throws SyscallError ELOOP
 */
export function selectPaths(tree: TreeLookup, pattern: string): Match[] {
  const parts = partsOf(pattern);
  let found = [""];
  for (const part of parts) {
    const next: string[] = [];
    for (const folder of found) {
      if (!hasWildcard(part)) next.push(joined(folder, part));
      else if (isFolder(tree, folder)) {
        const real = resolveInTree(tree, folder) as string;
        for (const name of tree.names(real)) if (matchPart(part, name)) next.push(joined(folder, name));
      }
      if (next.length > MAX_MATCHES) throw new SyscallError("glob", Errno.E2BIG, pattern);
    }
    found = next;
  }
  const matches: Match[] = [];
  for (const path of found.sort()) {
    const real = resolveInTree(tree, path);
    const entry = real === undefined ? undefined : tree.find(real);
    if (real !== undefined && entry !== undefined) matches.push({ path, real, mode: entry.mode });
  }
  return matches;
}

function partsOf(pattern: string): string[] {
  const parts: string[] = [];
  for (const part of pattern.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return parts;
}

function isFolder(tree: TreeLookup, path: string): boolean {
  const real = resolveInTree(tree, path);
  const entry = real === undefined ? undefined : tree.find(real);
  return entry !== undefined && (entry.mode & S.IFMT) === S.IFDIR;
}

/** The path with all links followed inside the tree; undefined when something on the way is not there. @throws SyscallError ELOOP */
export function resolveInTree(tree: TreeLookup, path: string): string | undefined {
  return follow(tree, path, false);
}

/** The same, for what is going to be made: from the first part that is not there on, the path stays as it is. */
export function resolveNewInTree(tree: TreeLookup, path: string): string {
  return follow(tree, path, true) as string;
}

function follow(tree: TreeLookup, path: string, maybeNew: boolean): string | undefined {
  const todo = path.split("/").reverse();
  let done = "";
  for (let links = 0; todo.length > 0; ) {
    const part = todo.pop() as string;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done = folderOf(done);
      continue;
    }
    const next = joined(done, part);
    const entry = tree.find(next);
    if (entry === undefined && !maybeNew) return undefined;
    if (entry?.link === undefined) {
      done = next;
      continue;
    }
    if (++links > MAX_LINKS) throw new SyscallError("open", Errno.ELOOP, path);
    if (entry.link.startsWith("/")) done = "";
    todo.push(...entry.link.split("/").reverse());
  }
  return done;
}

/** True for the folder itself and what is below it. */
export function isBelow(path: string, folder: string): boolean {
  return folder === "" || path === folder || path.startsWith(`${folder}/`);
}
