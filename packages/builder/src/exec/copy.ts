import {
  type AssembleCopy,
  type AssembleJob,
  type LayerDigest,
  type Match,
  runJob,
  startJob,
  type TreeEntry,
  type View,
} from "@berth/archive";
import { type Digest, invalidParameter, notFound } from "@berth/base";
import { S } from "@berth/linux";
import type { Snapshots } from "@berth/snapshot";
import { IgnoreMatcher, type IgnoreState } from "@berth/spec/dockerignore";
import type { CopyNode, CopySource } from "../graph/operation.ts";
import type { NewLayer } from "../layers/new-layer.ts";
import { digestOfEntries, type FileTree } from "../sources/file-tree.ts";

/** What a source of COPY is taken from: a folder of files, or layers. */
export type CopyOrigin = { kind: "files"; tree: FileTree } | { kind: "layers"; chain: readonly Digest[] };

/** A source with all that is to be copied. */
export interface ListedSource {
  source: CopySource;
  origin: CopyOrigin;
  matches: { match: Match; entries: TreeEntry[] }[];
}

/** And the digests of that. */
export interface SelectedSource extends ListedSource {
  matches: { match: Match; entries: TreeEntry[]; digest: string }[];
}

export type Selection = { match: Match; entries: TreeEntry[] }[];

/** Of entries of layers, which have owners. */
export function digestOfSelection(selection: Selection): string[] {
  return selection.map(({ entries }) => digestOfEntries(entries, true));
}

/** Lists what the sources of a COPY stand for. @throws not-found with BuildKit's sentence for one that matches nothing; invalid-parameter, see `onlyOne` */
export async function listSources(
  snapshots: Snapshots,
  node: CopyNode,
  origins: readonly CopyOrigin[],
  signal: AbortSignal,
): Promise<ListedSource[]> {
  const matcher = node.excludes.length > 0 ? new IgnoreMatcher(node.excludes) : undefined;
  const selected = await Promise.all(
    node.sources.map(async (source, index): Promise<ListedSource> => {
      const origin = origins[index] as CopyOrigin;
      const found = await selectSource(snapshots, source.path, origin, signal);
      const matches: ListedSource["matches"] = [];
      for (const { match, entries: all } of found) {
        const entries = matcher === undefined ? all : withoutExcluded(matcher, match, all);
        if (entries.length > 0) matches.push({ match, entries });
      }
      return { source, origin, matches };
    }),
  );
  const isWild = (path: string) => /[*?[]/.test(path);
  for (const { source, matches } of selected) {
    // As in BuildKit a wildcard may match nothing.
    if (matches.length > 0 || isWild(source.path)) continue;
    throw notFound(
      `failed to compute cache key: failed to calculate checksum of ref: ${JSON.stringify(source.path)}: not found`,
    );
  }
  if (node.onlyOne === true && countOf(node, selected) > 1) {
    throw invalidParameter(
      `When using ${node.instruction} with more than one source file, the destination must be a directory and end with a /`,
    );
  }
  return selected;
}

function countOf(node: CopyNode, selected: readonly ListedSource[]): number {
  return selected.reduce((count, { matches }) => count + matches.length, node.inline.length);
}

/** Reads what is not known yet. */
export async function hashSources(
  listed: readonly ListedSource[],
  signal: AbortSignal,
): Promise<SelectedSource[]> {
  return await Promise.all(
    listed.map(async ({ source, origin, matches: all }) => {
      const matches: SelectedSource["matches"] = [];
      for (const { match, entries } of all) {
        if (origin.kind === "files") await origin.tree.hash(entries, signal);
        matches.push({ match, entries, digest: digestOfEntries(entries, origin.kind === "layers") });
      }
      return { source, origin, matches };
    }),
  );
}

/** What a path with wildcards stands for, each match with all that is below it; entries of layers have their digests. */
export async function selectSource(
  snapshots: Snapshots,
  path: string,
  origin: CopyOrigin,
  signal: AbortSignal,
): Promise<Selection> {
  if (origin.kind === "files") {
    const matches = await origin.tree.select(path);
    return matches.map((match) => ({ match, entries: origin.tree.entriesOf(match) }));
  }
  const job = startJob(
    { job: "scan", view: viewOf(snapshots, origin.chain), patterns: [path], digests: true },
    { signal },
  );
  const found: { match: Match; entries: TreeEntry[] }[] = [];
  let rest = "";
  const decoder = new TextDecoder();
  const take = (line: string) => {
    const parsed = JSON.parse(line) as { match?: Match; entry?: TreeEntry };
    if (parsed.match !== undefined) found.push({ match: parsed.match, entries: [] });
    else if (parsed.entry !== undefined) found.at(-1)?.entries.push(parsed.entry);
  };
  for await (const piece of job.stdout) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() as string;
    for (const line of lines) take(line);
  }
  await job.result;
  return found;
}

/** A read-only look at layers. */
export function viewOf(snapshots: Snapshots, chain: readonly Digest[]): View {
  return { kind: "rootfs", rootfs: snapshots.view(chain), readOnly: true };
}

/** Patterns are relative to the source; a file is known by its name. */
function withoutExcluded(matcher: IgnoreMatcher, match: Match, entries: readonly TreeEntry[]): TreeEntry[] {
  const isFolder = (match.mode & S.IFMT) === S.IFDIR;
  if (!isFolder) return matcher.excludes(match.path.split("/").at(-1) as string) ? [] : [...entries];
  const states = new Map<string, IgnoreState>([["", matcher.root]]);
  return entries.filter((entry) => {
    const path = entry.path.slice(match.real.length).replace(/^\//, "");
    if (path === "") return true;
    const slash = path.lastIndexOf("/");
    const verdict = matcher.check(path, states.get(slash < 0 ? "" : path.slice(0, slash)) ?? matcher.root);
    states.set(path, verdict.state);
    return !verdict.excluded;
  });
}

export interface CopyFacts {
  changed: boolean;
  /** See `AssembleResult`. */
  followedLinks: boolean;
  size: number;
  warnings: string[];
  packed?: LayerDigest;
}

/** Carries out a COPY or ADD in a worker, into `layer`; `pack`: and finds out which tar that is. @throws invalid-parameter, SyscallError's text */
export async function copyStep(
  snapshots: Snapshots,
  node: CopyNode,
  selected: readonly ListedSource[],
  layer: NewLayer,
  options: { owner: { uid: number; gid: number } | undefined; epoch: number | undefined; pack: boolean },
  signal: AbortSignal,
): Promise<CopyFacts> {
  const views: View[] = [];
  const copies: AssembleCopy[] = [];
  for (const { source, origin, matches } of selected) {
    const index =
      views.push(
        origin.kind === "files"
          ? { kind: "folder", path: origin.tree.path }
          : viewOf(snapshots, origin.chain),
      ) - 1;
    for (const { match, entries } of matches) {
      copies.push({
        source: index,
        name: match.path.split("/").at(-1) ?? "",
        ...(node.parents && { as: belowPivot(source.path, match.path) }),
        unpack: source.unpack,
        keepOwner: origin.kind === "layers",
        entries: entries.map(({ digest: _, ...entry }) => entry),
      });
    }
  }
  const job: AssembleJob = {
    job: "assemble",
    target: targetView(layer),
    sources: views,
    copies,
    inline: node.inline.map(({ name, content }) => ({
      name,
      content: Buffer.from(content).toString("base64"),
    })),
    destination: node.destination,
    into: node.destination.endsWith("/"),
    ...(options.owner && { owner: options.owner }),
    ...(node.chmod && { mode: node.chmod }),
    ...(options.epoch !== undefined && { epoch: options.epoch }),
    ...(options.pack && { digest: layer.folder }),
  };
  const result = await runJob(job, { signal });
  const { changed, followedLinks, contentSize: size, warnings, layer: packed } = result;
  return { changed, followedLinks, size, warnings, ...(packed && { packed }) };
}

/** Makes a folder with its parents. */
export async function mkdirStep(
  path: string,
  layer: NewLayer,
  options: { owner: { uid: number; gid: number } | undefined; epoch: number | undefined },
  signal: AbortSignal,
): Promise<void> {
  const { owner, epoch } = options;
  await runJob(
    {
      job: "assemble",
      target: targetView(layer),
      sources: [],
      copies: [],
      folders: [path],
      destination: "/",
      into: true,
      ...(owner && { owner }),
      ...(epoch !== undefined && { epoch }),
    },
    { signal },
  );
}

export function targetView(layer: NewLayer): View {
  return layer.onItsOwn
    ? { kind: "folder", path: layer.folder }
    : { kind: "rootfs", rootfs: layer.rootfs, volatile: true };
}

/** `--parents`: what follows the `/./` of the source, or all of it. */
function belowPivot(pattern: string, path: string): string {
  const pivot = pattern.indexOf("/./");
  if (pivot < 0) return path;
  const depth = pattern
    .slice(0, pivot)
    .split("/")
    .filter((part) => part !== "" && part !== ".").length;
  return path.split("/").slice(depth).join("/");
}
