import { RegistryError } from "../errors.ts";
import { REPOSITORIES, repositoryFolder, tagsFolder } from "../storage/paths.ts";
import type { RepositoryContext } from "./context.ts";

/** A part of a sorted list. */
export interface Page<T> {
  entries: T[];
  /** There is more behind the last entry. */
  more: boolean;
}

export interface PageRequest {
  /** Entries behind this one. */
  last: string;
  /** At most so many; undefined: all. */
  count?: number;
}

export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function pageOf(sorted: readonly string[], { last, count }: PageRequest): Page<string> {
  let start = 0;
  if (last !== "") {
    start = sorted.findIndex((each) => each > last);
    if (start < 0) start = sorted.length;
  }
  const end = count === undefined ? sorted.length : Math.min(sorted.length, start + count);
  return { entries: sorted.slice(start, end), more: end < sorted.length };
}

/** Whether anything was ever pushed to the repository. */
export async function repositoryExists({ store }: RepositoryContext, name: string): Promise<boolean> {
  const entries = await store.list(repositoryFolder(name));
  return entries.some((entry) => entry === "_manifests/" || entry === "_layers/");
}

/** @throws NAME_UNKNOWN. */
export async function listTags(
  context: RepositoryContext,
  name: string,
  request: PageRequest,
): Promise<Page<string>> {
  const entries = await context.store.list(tagsFolder(name));
  if (entries.length === 0 && !(await repositoryExists(context, name)))
    throw new RegistryError("NAME_UNKNOWN", { detail: { name } });
  const tags = entries.filter((entry) => entry.endsWith("/")).map((entry) => entry.slice(0, -1));
  return pageOf(tags.sort(byCodeUnit), request);
}

/** What is in the folder of a repository to which something was pushed. */
const PUSHED: readonly string[] = ["_manifests/", "_layers/"];
/** The same, or to which something is being pushed. */
export const BEGUN: readonly string[] = [...PUSHED, "_uploads/"];

/** Folders looked at before other requests get a turn. */
const TURN = 64;

/** Names of repositories in the order of their code units, found one after the other. */
export async function* walkRepositories(
  { store }: Pick<RepositoryContext, "store">,
  last = "",
  holds = PUSHED,
): AsyncGenerator<string> {
  const isRepository = async (name: string) =>
    (await store.list(repositoryFolder(name))).some((entry) => holds.includes(entry));
  let folders = 0;
  async function* below(prefix: string): AsyncGenerator<string> {
    if (++folders % TURN === 0) await Bun.sleep(0);
    const folder = prefix === "" ? REPOSITORIES : repositoryFolder(prefix.slice(0, -1));
    const places: string[] = [];
    for (const entry of await store.list(folder)) {
      // A repository sorts before its neighbour `name-x`, what is below it (`name/x`) behind: two places for one folder.
      if (entry.endsWith("/") && !entry.startsWith("_")) places.push(entry.slice(0, -1), entry);
    }
    for (const place of places.sort(byCodeUnit)) {
      const path = prefix + place;
      if (!place.endsWith("/")) {
        if (path > last && (await isRepository(path))) yield path;
        // Names below a path that sorts before `last` without being its beginning come before it.
      } else if (path > last || last.startsWith(path)) yield* below(path);
    }
  }
  yield* below("");
}

/** Repositories by name, a page of them. */
export async function listRepositories(
  context: RepositoryContext,
  { last, count }: PageRequest,
  mayBeSeen: (name: string) => boolean,
): Promise<Page<string>> {
  const entries: string[] = [];
  for await (const name of walkRepositories(context, last)) {
    if (!mayBeSeen(name)) continue;
    if (count !== undefined && entries.length === count) return { entries, more: true };
    entries.push(name);
  }
  return { entries, more: false };
}
