/**
 * A scope is what one daemon of a test owns: a folder, an address block, a bridge name. It is on disk from the first moment, with
 * the process that owns it, so that `sweep` can remove what a crashed run left.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "berth-test-";
const BASE = process.env.BERTH_TEST_TMP ?? tmpdir();
/** One file for each address block in use, holding its owner. Machine-wide, whatever the temporary folder is. */
const BLOCKS = "/tmp/.berth-test-blocks";
const FIRST_BLOCK = 201;
const LAST_BLOCK = 250;

export interface Owner {
  pid: number;
  /** Field 22 of /proc/PID/stat: a process id that was given to another process later does not fool us. */
  startTime: string;
}

export interface Scope {
  owner: Owner;
  directory: string;
  /** The second number of 10.N.0.0/16, which belongs to this scope alone. */
  block: number;
  /** At most 15 characters. */
  bridge: string;
  /** Below each cgroup hierarchy. */
  cgroupParent: string;
}

function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

export function thisProcess(): Owner {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? "" };
}

export function isAlive(owner: Owner): boolean {
  return startTimeOf(owner.pid) === owner.startTime;
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}

/** Takes a free block; the file is made with O_EXCL, so two runs never get the same one. */
function takeBlock(owner: Owner): number {
  mkdirSync(BLOCKS, { recursive: true });
  for (let block = FIRST_BLOCK; block <= LAST_BLOCK; block++) {
    try {
      writeFileSync(join(BLOCKS, String(block)), JSON.stringify(owner), { flag: "wx" });
      return block;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  throw new Error(`all ${LAST_BLOCK - FIRST_BLOCK + 1} address blocks are in use; look into ${BLOCKS}`);
}

let counter = 0;

/** A new scope of this process. Ended by `releaseScope`. */
export function createScope(): Scope {
  const owner = thisProcess();
  const block = takeBlock(owner);
  const directory = join(BASE, `${PREFIX}${owner.pid}-${++counter}`);
  const scope = {
    owner,
    directory,
    block,
    bridge: `bt${block}`,
    cgroupParent: `/${PREFIX}${owner.pid}-${counter}`,
  };
  mkdirSync(join(directory, "home/.docker"), { recursive: true });
  writeFileSync(join(directory, "scope.json"), JSON.stringify(scope));
  return scope;
}

/** Gives the block back and removes the folder. Nothing may be mounted in it any more. */
export function releaseScope(scope: Scope): void {
  rmSync(scope.directory, { recursive: true, force: true });
  rmSync(join(BLOCKS, String(scope.block)), { force: true });
}

/** Scopes whose owner is gone. */
export function abandonedScopes(): Scope[] {
  const found: Scope[] = [];
  for (const name of existsSync(BASE) ? readdirSync(BASE) : []) {
    if (!name.startsWith(PREFIX)) continue;
    const scope = readJson<Scope>(join(BASE, name, "scope.json"));
    if (scope !== undefined && !isAlive(scope.owner)) found.push(scope);
  }
  return found;
}

/** Frees blocks whose owner is gone and that no scope on disk holds. */
export function releaseAbandonedBlocks(held: readonly number[]): void {
  for (const name of existsSync(BLOCKS) ? readdirSync(BLOCKS) : []) {
    const owner = readJson<Owner>(join(BLOCKS, name));
    if (owner !== undefined && !isAlive(owner) && !held.includes(Number(name)))
      rmSync(join(BLOCKS, name), { force: true });
  }
}
