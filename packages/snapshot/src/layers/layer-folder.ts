import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, encoded, isDigest, log, notFound } from "@berth/base";
import type { LayerFacts, LayerInProgress } from "../snapshots.ts";
import { GroupSync } from "./group-sync.ts";
import type { Trash } from "./trash.ts";

/*
 * <root>/<chain id hex>/fs          the unpacked layer; absent when layer.json says that it is another name of one
 * <root>/<chain id hex>/removed     a private layer that is kept for its other names only
 * <root>/<chain id hex>/layer.json  its facts; a layer without them is not complete
 * <root>/l/<26 characters>          link to ../<chain id hex>/fs: 127 paths must fit into one page of mount options
 * <root>/empty                      an empty folder, the lowest layer of an image without any
 * <root>/new/<random>/fs            being unpacked; goes to the trash at start
 */
const LINKS = "l";
const EMPTY = "empty";
const NEW = "new";
const REMOVED = "removed";
const RECORD = "layer.json";

interface Record {
  chainId: Digest;
  diffId: Digest;
  size: number;
  /** Chain id of the layer below. */
  parent?: Digest;
  /** Belongs to no image: not among `list`. */
  private?: true;
  /** Another name of that layer, which has the folder. */
  of?: Digest;
}

/** Prepares the folder that a new layer is unpacked into: given the folder of the layer below, if there is one. */
export type Seed = (folder: string, parent: string | undefined) => Promise<void>;

/** The folder of all unpacked layers, the same for every driver. */
export class LayerFolder {
  readonly #root: string;
  readonly #trash: Trash;
  readonly #seed: Seed;
  readonly #sync: GroupSync;
  readonly #records = new Map<Digest, Record>();
  /** Folders of layers that are not committed yet, for the layers above them. */
  readonly #preparing = new Map<Digest, string>();
  /** How many other names a layer has. */
  readonly #names = new Map<Digest, number>();
  /** Private layers that their owner gave up, and that have other names. */
  readonly #removed = new Set<Digest>();
  #counter = 0;

  constructor(root: string, trash: Trash, seed: Seed) {
    this.#root = root;
    this.#trash = trash;
    this.#seed = seed;
    this.#sync = new GroupSync(root);
    for (const name of [LINKS, EMPTY, NEW]) mkdirSync(join(root, name), { recursive: true, mode: 0o755 });
  }

  /** Reads what is there, and throws away what a crash left. */
  async load(): Promise<void> {
    for (const name of readdirSync(join(this.#root, NEW))) this.#trash.take(join(this.#root, NEW, name));
    const links = new Set(readdirSync(join(this.#root, LINKS)));
    for (const name of readdirSync(this.#root)) {
      const chainId = `sha256:${name}`;
      if (!isDigest(chainId)) continue;
      const record = readRecord(join(this.#root, name, RECORD), chainId);
      if (record === undefined) {
        log.warn("an unpacked layer is incomplete and is removed", { layer: chainId });
        this.#trash.take(join(this.#root, name));
        continue;
      }
      this.#records.set(chainId, record);
      if (record.of !== undefined) continue;
      if (existsSync(join(this.#root, name, REMOVED))) this.#removed.add(chainId);
      if (!links.delete(linkName(chainId))) this.#link(chainId);
    }
    this.#countNames();
    for (const name of links) rmSync(join(this.#root, LINKS, name), { force: true });
  }

  has(chainId: Digest): boolean {
    return this.#records.has(chainId);
  }

  /** Those of images, or the private ones. */
  list(kind: "image" | "private" = "image"): Digest[] {
    const found: Digest[] = [];
    for (const [chainId, record] of this.#records) {
      if ((record.private === true) === (kind === "private") && !this.#removed.has(chainId))
        found.push(chainId);
    }
    return found;
  }

  facts(chainId: Digest): LayerFacts {
    const { diffId, size } = this.#get(chainId);
    return { diffId, size };
  }

  /** Chain ids from base to `top`. @throws not-found when one is missing. */
  chain(top: Digest): Digest[] {
    const chain: Digest[] = [];
    for (let at: Digest | undefined = top; at !== undefined; at = this.#get(at).parent) chain.unshift(at);
    return chain;
  }

  /** Where a layer is, or will be. */
  place(chainId: Digest): string {
    return join(this.#root, encoded(chainId), "fs");
  }

  /** `<root>/<hex>/fs`. */
  path(chainId: Digest): string {
    return join(this.#root, encoded(this.#get(chainId).of ?? chainId), "fs");
  }

  /** A short path of the same folder, in one folder with all others. */
  shortPath(chainId: Digest): string {
    return join(this.#root, LINKS, linkName(this.#get(chainId).of ?? chainId));
  }

  get emptyPath(): string {
    return join(this.#root, EMPTY);
  }

  async prepare(chainId: Digest, parents: readonly Digest[]): Promise<LayerInProgress> {
    const parent = parents.at(-1);
    const below = parent === undefined ? undefined : this.#parentPath(parent);
    const folder = join(this.#root, NEW, `${process.pid}-${++this.#counter}`);
    const directory = join(folder, "fs");
    await mkdir(directory, { recursive: true, mode: 0o755 });
    let open = true;
    const close = () => {
      open = false;
      if (this.#preparing.get(chainId) === directory) this.#preparing.delete(chainId);
    };
    const discard = async () => {
      if (open) this.#trash.take(folder);
      close();
    };
    try {
      await this.#seed(directory, below);
    } catch (error) {
      await discard();
      throw error;
    }
    this.#preparing.set(chainId, directory);
    return {
      directory,
      commit: async (facts, options = {}) => {
        if (!open) throw new Error("the layer is committed or discarded");
        const record: Record = { chainId, ...facts, ...(parent !== undefined && { parent }) };
        if (options.private === true) record.private = true;
        await this.#publish(folder, record, options.sync ?? true);
        close();
      },
      [Symbol.asyncDispose]: discard,
    };
  }

  /** At once: nobody sees it half removed, or makes it again meanwhile. A folder that has other names goes with the last of them. */
  remove(chainId: Digest): void {
    const record = this.#records.get(chainId);
    if (record === undefined) return;
    if ((this.#names.get(chainId) ?? 0) > 0) {
      writeFileSync(join(this.#root, encoded(chainId), REMOVED), "");
      this.#removed.add(chainId);
      return;
    }
    this.#records.delete(chainId);
    this.#removed.delete(chainId);
    if (record.of === undefined) rmSync(join(this.#root, LINKS, linkName(chainId)), { force: true });
    this.#trash.take(join(this.#root, encoded(chainId)));
    if (record.of !== undefined) this.#nameGone(record.of);
  }

  /** Gives a layer a second name. The folder stays where it is, for as long as one of the names is used. */
  async share(
    existing: Digest,
    chainId: Digest,
    parents: readonly Digest[],
    facts: LayerFacts,
  ): Promise<void> {
    if (this.#records.has(chainId)) return;
    const of = this.#get(existing).of ?? existing;
    const parent = parents.at(-1);
    const record: Record = { chainId, ...facts, of, ...(parent !== undefined && { parent }) };
    const folder = join(this.#root, NEW, `${process.pid}-${++this.#counter}`);
    await mkdir(folder, { recursive: true, mode: 0o755 });
    writeFileSync(join(folder, RECORD), `${JSON.stringify(record)}\n`);
    try {
      renameSync(folder, join(this.#root, encoded(chainId)));
    } catch (error) {
      this.#trash.take(folder);
      if (!isTaken(error)) throw error;
    }
    if (this.#records.has(chainId)) return;
    this.#records.set(chainId, record);
    this.#names.set(of, (this.#names.get(of) ?? 0) + 1);
  }

  isShared(chainId: Digest): boolean {
    return (this.#names.get(chainId) ?? 0) > 0;
  }

  /** Everything that was written before is on the disk when it resolves. */
  async flush(): Promise<void> {
    await this.#sync.sync();
  }

  #nameGone(of: Digest): void {
    const left = (this.#names.get(of) ?? 1) - 1;
    if (left > 0) this.#names.set(of, left);
    else {
      this.#names.delete(of);
      if (this.#removed.has(of)) this.remove(of);
    }
  }

  #countNames(): void {
    for (const [chainId, { of }] of this.#records) {
      if (of === undefined) continue;
      if (this.#records.has(of)) this.#names.set(of, (this.#names.get(of) ?? 0) + 1);
      else {
        log.warn("an unpacked layer is incomplete and is removed", { layer: chainId });
        this.#records.delete(chainId);
        this.#trash.take(join(this.#root, encoded(chainId)));
      }
    }
    for (const chainId of [...this.#removed]) if (!this.#names.has(chainId)) this.remove(chainId);
  }

  /** Also of a layer that is only being made. @throws not-found. */
  #parentPath(parent: Digest): string {
    return this.#preparing.get(parent) ?? this.path(parent);
  }

  async #publish(folder: string, record: Record, sync: boolean): Promise<void> {
    writeFileSync(join(folder, RECORD), `${JSON.stringify(record)}\n`);
    if (sync) await this.#sync.sync();
    if (this.#records.has(record.chainId)) {
      this.#trash.take(folder);
      return;
    }
    // The link goes first: a link to nothing does no harm, a layer without one cannot be mounted.
    this.#link(record.chainId);
    try {
      renameSync(folder, join(this.#root, encoded(record.chainId)));
    } catch (error) {
      // Somebody was quicker with the same layer.
      if (!isTaken(error)) throw error;
      this.#trash.take(folder);
    }
    this.#records.set(record.chainId, record);
    if (sync) await syncFolder(this.#root);
  }

  #link(chainId: Digest): void {
    const link = join(this.#root, LINKS, linkName(chainId));
    rmSync(link, { force: true });
    symlinkSync(join("..", encoded(chainId), "fs"), link);
  }

  #get(chainId: Digest): Record {
    const record = this.#records.get(chainId);
    if (record === undefined) throw notFound(`layer ${chainId} is not there`);
    return record;
  }
}

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** The first 130 bits: nobody finds two layers that share them. */
export function linkName(chainId: Digest): string {
  let bits = BigInt(`0x${encoded(chainId)}`) >> 126n;
  let name = "";
  for (let digit = 0; digit < 26; digit++) {
    name = BASE32[Number(bits & 31n)] + name;
    bits >>= 5n;
  }
  return name;
}

function isTaken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOTEMPTY" || code === "EEXIST";
}

function readRecord(path: string, chainId: Digest): Record | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const record = JSON.parse(readFileSync(path, "utf8")) as Record;
    const complete =
      record.chainId === chainId && isDigest(record.diffId) && Number.isSafeInteger(record.size);
    return complete ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Gives a folder the owner and the mode of another: what a container sees as `/`. */
export function copyRootAttributes(from: string, to: string): void {
  const { uid, gid, mode } = statSync(from);
  chownSync(to, uid, gid);
  chmodSync(to, mode & 0o7777);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
