import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { TreeEntry } from "@berth/archive";
import { writeFileAtomic } from "@berth/base";
import { keyOf } from "../cache/key.ts";

/** Contexts whose digests stay in memory. */
const CONTEXTS = 16;
/** Contexts whose digests stay on the disk: builds from folders that are made anew each time leave many. */
const FILES = 256;
/** A file that changed this short a time before it was read may change again without a trace in its times. */
const RACY_MILLISECONDS = 50;
const VERSION = "1\n";

/**
 * Digests of files by inode, size and times, so that a context of which one file changed costs a walk. Kept for each folder
 * in memory, and in `<root>/<digest of its path>`; losing them costs time only.
 */
export class FileDigests {
  readonly #root: string;
  readonly #contexts = new Map<string, ContextDigests>();
  #opened = 0;

  constructor(root: string) {
    this.#root = root;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    const names = readdirSync(this.#root);
    if (names.length <= FILES) return;
    const byTime = names
      .map((name) => ({
        name,
        time: statSync(join(this.#root, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
      }))
      .sort((a, b) => b.time - a.time);
    for (const { name } of byTime.slice(FILES / 2)) rmSync(join(this.#root, name), { force: true });
  }

  for(folder: string): ContextDigests {
    const known = this.#contexts.get(folder);
    if (known !== undefined) {
      this.#contexts.delete(folder);
      this.#contexts.set(folder, known);
      return known;
    }
    const opened = new ContextDigests(join(this.#root, keyOf(folder)));
    this.#contexts.set(folder, opened);
    if (++this.#opened % CONTEXTS === 0) this.#forgetOldest();
    for (const [oldest] of this.#contexts) {
      if (this.#contexts.size <= CONTEXTS) break;
      this.#contexts.delete(oldest);
    }
    return opened;
  }
}

export class ContextDigests {
  readonly #file: string;
  #known: Map<string, string> | undefined;
  #seen = new Map<string, string>();
  #dirty = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** Undefined: it has to be read. */
  get(entry: TreeEntry): string | undefined {
    const key = keyFor(entry);
    const digest = this.#load().get(key);
    if (digest !== undefined) this.#seen.set(key, digest);
    return digest;
  }

  put(entry: TreeEntry, digest: string): void {
    const changed = Number(entry.stamp.slice(entry.stamp.lastIndexOf("-") + 1)) * 1000;
    if (Date.now() - changed < RACY_MILLISECONDS) return;
    const key = keyFor(entry);
    this.#load().set(key, digest);
    this.#seen.set(key, digest);
    this.#dirty = true;
  }

  /** Writes what changed; entries that were not asked for since the last time are forgotten when they are many. */
  save(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const known = this.#load();
    if (known.size > 2 * this.#seen.size + 1000) this.#known = this.#seen;
    this.#seen = new Map();
    let text = VERSION;
    for (const [key, digest] of this.#load()) text += `${key} ${digest}\n`;
    writeFileAtomic(this.#file, text);
  }

  #load(): Map<string, string> {
    if (this.#known !== undefined) return this.#known;
    this.#known = new Map();
    let text = "";
    try {
      text = readFileSync(this.#file, "latin1");
    } catch {
      return this.#known;
    }
    if (!text.startsWith(VERSION)) return this.#known;
    for (let at = VERSION.length; at < text.length; ) {
      const end = text.indexOf("\n", at);
      if (end < 0) break;
      const space = end - 65;
      if (text[space] === " ") this.#known.set(text.slice(at, space), text.slice(space + 1, end));
      at = end + 1;
    }
    return this.#known;
  }
}

/** The stamp has inode, size and times; the mode comes with the change time, but costs nothing. */
function keyFor(entry: TreeEntry): string {
  return `${entry.mode.toString(8)}-${entry.stamp}`;
}
