import { createHash } from "node:crypto";
import {
  type Accept,
  isBelow,
  type Match,
  resolveInTree,
  scanTree,
  selectPaths,
  type TreeEntry,
  TreeHasher,
  type TreeLookup,
} from "@berth/archive";
import { newId } from "@berth/base";
import { closeQuietly, encodeName, isErrno, O, open, S } from "@berth/linux";
import type { ContextDigests } from "./file-digests.ts";

/** How long a walk works before others get their turn, in milliseconds. */
const SLICE = 8;
/** Entries between two looks at the clock. */
const STRIDE = 64;

/** A folder of the daemon's that a build reads: a context, a checkout, a download. Listed once, and hashed as far as it is needed. */
export class FileTree implements TreeLookup {
  readonly path: string;
  readonly #accept: Accept | undefined;
  readonly #digests: ContextDigests | undefined;
  #listing: Promise<void> | undefined;
  #entries: TreeEntry[] = [];
  #byPath = new Map<string, number>();
  #children: Map<string, string[]> | undefined;

  /** `accept`: what the ignore file leaves; `digests`: where digests are kept. */
  constructor(path: string, options: { accept?: Accept; digests?: ContextDigests } = {}) {
    this.path = path;
    this.#accept = options.accept;
    this.#digests = options.digests;
  }

  /** Lists the folder, once. @throws SyscallError */
  list(): Promise<void> {
    this.#listing ??= this.#scan();
    return this.#listing;
  }

  get size(): number {
    return this.#entries.length;
  }

  async #scan(): Promise<void> {
    const root = open(this.path, O.RDONLY | O.DIRECTORY);
    try {
      let slice = performance.now();
      let count = 0;
      for (const entry of scanTree(root, "", this.#accept)) {
        this.#byPath.set(entry.path, this.#entries.length);
        this.#entries.push(entry);
        if (++count % STRIDE !== 0 || performance.now() - slice < SLICE) continue;
        await turn();
        slice = performance.now();
      }
    } finally {
      closeQuietly(root);
    }
  }

  find(path: string): { mode: number; link?: string } | undefined {
    const at = this.#byPath.get(path);
    return at === undefined ? undefined : this.#entries[at];
  }

  names(path: string): readonly string[] {
    if (this.#children === undefined) {
      this.#children = new Map();
      for (const entry of this.#entries) {
        if (entry.path === "") continue;
        const slash = entry.path.lastIndexOf("/");
        const folder = slash < 0 ? "" : entry.path.slice(0, slash);
        const names = this.#children.get(folder);
        if (names === undefined) this.#children.set(folder, [entry.path.slice(slash + 1)]);
        else names.push(entry.path.slice(slash + 1));
      }
    }
    return this.#children.get(path) ?? [];
  }

  /** What a pattern of COPY stands for. */
  async select(pattern: string): Promise<Match[]> {
    await this.list();
    return selectPaths(this, pattern);
  }

  /** A match and all that is below it, folders before what is in them. */
  entriesOf(match: Match): TreeEntry[] {
    const at = this.#byPath.get(match.real);
    if (at === undefined) {
      // A folder that is only there because of what is below it.
      return this.#entries.filter((entry) => isBelow(entry.path, match.real));
    }
    const top = this.#entries[at] as TreeEntry;
    if ((top.mode & S.IFMT) !== S.IFDIR) return [top];
    let end = at + 1;
    while (end < this.#entries.length && isBelow((this.#entries[end] as TreeEntry).path, match.real)) end++;
    return this.#entries.slice(at, end);
  }

  /** Text of a regular file in it, links followed inside the tree; undefined when there is none. */
  async readText(path: string, maximum: number): Promise<string | undefined> {
    await this.list();
    const real = resolveInTree(this, path.replace(/^\.?\/+/, ""));
    const entry = real === undefined ? undefined : this.find(real);
    if (real === undefined || entry === undefined || (entry.mode & S.IFMT) !== S.IFREG) return undefined;
    const file = Bun.file(`${this.path}/${real}`);
    return file.size > maximum ? undefined : await file.text();
  }

  /** Digests of its files are kept from build to build: what has none has changed. */
  get isRemembered(): boolean {
    return this.#digests !== undefined;
  }

  /** How much of these entries would have to be read for their digests. */
  unreadBytes(entries: readonly TreeEntry[]): number {
    let bytes = 0;
    for (const { mode, size } of this.#unread(entries)) if ((mode & S.IFMT) === S.IFREG) bytes += size;
    return bytes;
  }

  /** Fills in the digests that are kept. @returns the entries that have none */
  #unread(entries: readonly TreeEntry[]): TreeEntry[] {
    return entries.filter((entry) => {
      if (entry.digest !== undefined) return false;
      const known = this.#digests?.get(entry);
      if (known !== undefined) entry.digest = known;
      return known === undefined;
    });
  }

  /** Fills in the digests of these entries. What is not there any more gets one that nothing else has. @throws SyscallError */
  async hash(entries: readonly TreeEntry[], signal: AbortSignal): Promise<void> {
    const missing = this.#unread(entries);
    if (missing.length === 0) return;
    const root = open(this.path, O.RDONLY | O.DIRECTORY);
    try {
      using hasher = new TreeHasher(root);
      let slice = performance.now();
      for (const entry of missing) {
        try {
          const steps = hasher.digestInSteps(entry);
          for (let step = steps.next(); ; step = steps.next()) {
            if (step.done) {
              entry.digest = step.value;
              break;
            }
            if (performance.now() - slice < SLICE) continue;
            await turn();
            signal.throwIfAborted();
            slice = performance.now();
          }
          this.#digests?.put(entry, entry.digest);
        } catch (error) {
          if (!isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) throw error;
          entry.digest = `gone ${newId()}`;
        }
        if (performance.now() - slice < SLICE) continue;
        await turn();
        signal.throwIfAborted();
        slice = performance.now();
      }
    } finally {
      closeQuietly(root);
    }
    this.#digests?.save();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Digest of entries by their names below the first one, and their digests; with `owners` by those too. */
export function digestOfEntries(entries: readonly TreeEntry[], owners = false): string {
  const hash = createHash("sha256");
  const top = entries[0]?.path.length ?? 0;
  let text = "";
  for (const { path, digest, uid, gid } of entries) {
    text += `${path.slice(top)}\0${digest}${owners ? ` ${uid}:${gid}` : ""}\n`;
    if (text.length < 65_536) continue;
    hash.update(encodeName(text));
    text = "";
  }
  return hash.update(encodeName(text)).digest("hex");
}
