import { inodeOf, modifiedOf, type TreeEntry } from "@berth/archive";
import { S } from "@berth/linux";
import { keyOf } from "../cache/key.ts";
import type { CopyNode } from "../graph/operation.ts";
import type { SelectedSource } from "./copy.ts";

/** A tree with fewer entries is copied sooner than it is compared. */
const LEAST_ENTRIES = 500;
const FIELDS = 3;

/** What a COPY left at one path: kind, permissions, content, owner, and the other names of the same file; and its time. */
interface Copied {
  state: string;
  time: string;
}

/**
 * What a COPY of one large folder copied, so that the next one like it need only write what differs (`entriesToPatch`). Undefined
 * when that is not possible: for several sources, which may be in each other's way.
 */
export function listingOf(node: CopyNode, selected: readonly SelectedSource[]): string | undefined {
  const tree = onlyFolder(node, selected);
  if (tree === undefined) return undefined;
  const fields = [listed(tree.match.path)];
  const stateOf = statesOf(tree);
  for (const entry of tree.entries) fields.push(listed(entry.path), stateOf(entry), modifiedOf(entry));
  return fields.join("\0");
}

/**
 * What has to be copied over the result of an earlier COPY, which left `listing`, to have the same as by copying everything: the
 * entries that differ, with the folders that they are in. Undefined when that takes more than adding and replacing (something is
 * gone; a folder's permissions changed), or when most of it differs.
 */
export function entriesToPatch(
  node: CopyNode,
  selected: readonly SelectedSource[],
  listing: string,
): SelectedSource[] | undefined {
  const tree = onlyFolder(node, selected);
  const before = tree && parseListing(listing, tree.match.path);
  if (tree === undefined || before === undefined) return undefined;
  const { source, entries, match } = tree;
  const stateOf = statesOf(tree);
  const top = (entries[0] as TreeEntry).path;
  const differing = new Set<string>();
  for (const entry of entries) {
    const name = listed(entry.path);
    const copied = before.get(name);
    before.delete(name);
    const state = stateOf(entry);
    if (copied !== undefined && copied.state !== state && (isFolder(copied.state) || isFolder(state)))
      return undefined;
    if (copied?.state !== state || copied.time !== modifiedOf(entry)) differing.add(entry.path);
  }
  if (before.size > 0 || differing.size * 2 > entries.length) return undefined;
  // A folder that something is put into gets its time again.
  for (const path of [...differing]) {
    for (let at = path; at.length > top.length; at = at.slice(0, Math.max(at.lastIndexOf("/"), 0)))
      differing.add(at);
  }
  const needed = entries.filter(({ path }) => path === top || differing.has(path));
  return [{ ...source, matches: [{ match, entries: needed, digest: "" }] }];
}

/** The one folder that is copied, when that is all. */
function onlyFolder(node: CopyNode, selected: readonly SelectedSource[]) {
  const [source, ...others] = selected;
  const [tree, ...more] = source?.matches ?? [];
  if (source === undefined || tree === undefined || others.length + more.length + node.inline.length > 0)
    return undefined;
  const { entries, match } = tree;
  const [top] = entries;
  if (top === undefined || (top.mode & S.IFMT) !== S.IFDIR || entries.length < LEAST_ENTRIES)
    return undefined;
  return { source, entries, match, keepsOwner: source.origin.kind === "layers" };
}

/** Files with several names are copied as such, but only when all of their names are copied together. */
function statesOf({ entries, keepsOwner }: { entries: readonly TreeEntry[]; keepsOwner: boolean }) {
  const names = new Map<string, string[]>();
  for (const entry of entries) {
    if ((entry.mode & S.IFMT) !== S.IFREG) continue;
    const file = inodeOf(entry);
    const others = names.get(file);
    if (others === undefined) names.set(file, [entry.path]);
    else others.push(entry.path);
  }
  const groups = new Map<string, string>();
  for (const [file, paths] of names) if (paths.length > 1) groups.set(file, keyOf(paths));
  return (entry: TreeEntry): string => {
    const { mode, digest, uid, gid } = entry;
    const kind = mode & S.IFMT;
    const group = kind === S.IFREG ? groups.get(inodeOf(entry)) : undefined;
    return `${kind.toString(8)} ${digest}${keepsOwner ? ` ${uid}:${gid}` : ""}${group ? ` ${group}` : ""}`;
  };
}

/** A path as UTF-8 can hold it. Those that it cannot are escaped, behind a slash, with which no path begins. */
function listed(path: string): string {
  return path.isWellFormed() ? path : `/${JSON.stringify(path)}`;
}

function isFolder(state: string): boolean {
  return state.startsWith(`${S.IFDIR.toString(8)} `);
}

function parseListing(listing: string, path: string): Map<string, Copied> | undefined {
  const fields = listing.split("\0");
  if (fields[0] !== listed(path) || fields.length % FIELDS !== 1) return undefined;
  const found = new Map<string, Copied>();
  for (let at = 1; at < fields.length; at += FIELDS) {
    const [name, state, time] = fields.slice(at, at + FIELDS) as [string, string, string];
    found.set(name, { state, time });
  }
  return found;
}
