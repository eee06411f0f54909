import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { flock, LOCK } from "@berth/linux";

/** Milliseconds after which what lies there is nobody's, where locks do not tell (NFS without them). */
const OLD = 3_600_000;

/**
 * A folder for one process' temporary files, inside `parent`. The process holds a lock on it: that tells others that it lives,
 * also those in other containers, which see no process ids of each other.
 */
export class TemporaryFolder implements Disposable {
  readonly #path: string;
  readonly #descriptor: number;
  #counter = 0;

  constructor(parent: string) {
    this.#path = join(parent, crypto.randomUUID());
    mkdirSync(this.#path, { mode: 0o700 });
    this.#descriptor = openSync(this.#path, "r");
    tryLock(this.#descriptor);
  }

  /** A path that nothing has. */
  next(): string {
    return `${this.#path}/${++this.#counter}`;
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { recursive: true, force: true });
    closeSync(this.#descriptor);
  }
}

/** Removes what processes left which are gone. */
export function clearTemporaryFolders(parent: string): void {
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    if (isAbandoned(path)) rmSync(path, { recursive: true, force: true });
  }
}

function isAbandoned(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (!found.isDirectory()) return Date.now() - found.ctimeMs > OLD;
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return false;
  }
  try {
    return tryLock(descriptor) ?? Date.now() - found.ctimeMs > OLD;
  } finally {
    closeSync(descriptor);
  }
}

/** @returns whether nobody else has the lock; undefined where there are no locks. */
function tryLock(descriptor: number): boolean | undefined {
  try {
    return flock(descriptor, LOCK.EX | LOCK.NB);
  } catch {
    return undefined;
  }
}
