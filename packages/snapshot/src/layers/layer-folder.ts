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
import type { LayerFacts, LayerInProgress, LayerPart } from "../snapshots.ts";
import { GroupSync } from "./group-sync.ts";
import type { Trash } from "./trash.ts";

/*
 * <root>/<chain id hex>/fs          the unpacked layer; absent when layer.json says that it is another name of one
 * <root>/<chain id hex>/removed     a private layer that is kept for its other names only
 * <root>/<chain id hex>/layer.json  its facts; a layer without them is not complete
 * <root>/<chain id hex>/listing     what its maker noted of it, if anything
 * <root>/l/<26 characters>          link to ../<chain id hex>/fs: 127 paths must fit into one page of mount options
 * <root>/empty                      an empty folder, the lowest layer of an image without any
 * <root>/new/<random>/fs            being unpacked; goes to the trash at start
 */
const LINKS = "l";
const EMPTY = "empty";
const NEW = "new";
const REMOVED = "removed";
const RECORD = "layer.json";
const LISTING = "listing";

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
  /** A patch: what is not in its folder is as in that layer's, which is no patch itself. */
  over?: Digest;
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
  /** How many patches are over a layer. */
  readonly #patches = new Map<Digest, number>();
  /** Private layers that their owner gave up, and that have other names or patches over them. */
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
    this.#countUses();
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

  /** `<root>/<hex>/fs`; of a patch only what it changes. */
  path(chainId: Digest): string {
    return join(this.#root, encoded(this.#get(chainId).of ?? chainId), "fs");
  }

  /** All folders of a layer, topmost first: of a patch two. */
  paths(chainId: Digest): string[] {
    return this.#folders(chainId).map((layer) => join(this.#root, encoded(layer), "fs"));
  }

  /** Short paths of the same folders, in one folder with all others. */
  shortPaths(chainId: Digest): string[] {
    return this.#folders(chainId).map((layer) => join(this.#root, LINKS, linkName(layer)));
  }

  #folders(chainId: Digest): Digest[] {
    const own = this.#get(chainId).of ?? chainId;
    const { over } = this.#get(own);
    return over === undefined ? [own] : [own, over];
  }

  /** The layer whose folder is complete: itself, or the one that it is a patch over. */
  whole(chainId: Digest): Digest {
    return this.#folders(chainId).at(-1) as Digest;
  }

  /** See `Snapshots.layerParts`. */
  parts(chainId: Digest): LayerPart[] {
    const { size } = this.#get(chainId);
    const [own, over] = this.#folders(chainId) as [Digest, Digest?];
    // The maker of a layer that is no patch may not have known its size: who gave it a second name does.
    if (over === undefined) return [{ id: own, size }];
    return [own, over].map((id) => ({ id, size: this.#get(id).size }));
  }

  /** What `commit` was given as the listing. */
  listing(chainId: Digest): string | undefined {
    const path = join(this.#root, encoded(this.#get(chainId).of ?? chainId), LISTING);
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  }

  get emptyPath(): string {
    return join(this.#root, EMPTY);
  }

  /** `over`: see `Snapshots.prepareLayer`. */
  async prepare(chainId: Digest, parents: readonly Digest[], over?: Digest): Promise<LayerInProgress> {
    const parent = parents.at(-1);
    const whole = over === undefined ? undefined : this.whole(over);
    // A patch's root is that of the layer it is over.
    const model = whole ?? parent;
    const below = model === undefined ? undefined : this.#parentPath(model);
    const folder = join(this.#root, NEW, `${process.pid}-${++this.#counter}`);
    const directory = join(folder, "fs");
    await mkdir(directory, { recursive: true, mode: 0o755 });
    let open = true;
    if (whole !== undefined) count(this.#patches, whole);
    const close = () => {
      if (open && whole !== undefined) this.#useGone(this.#patches, whole);
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
        const record: Record = {
          chainId,
          ...facts,
          ...(parent !== undefined && { parent }),
          ...(whole !== undefined && { over: whole }),
        };
        if (options.private === true) record.private = true;
        if (options.listing !== undefined) writeFileSync(join(folder, LISTING), options.listing);
        await this.#publish(folder, record, options.sync ?? true);
        close();
      },
      [Symbol.asyncDispose]: discard,
    };
  }

  /**
   * At once: nobody sees it half removed, or makes it again meanwhile. A folder that has other names, or patches over it, goes
   * with the last of them.
   */
  remove(chainId: Digest): void {
    const record = this.#records.get(chainId);
    if (record === undefined) return;
    if (this.#names.has(chainId) || this.#patches.has(chainId)) {
      writeFileSync(join(this.#root, encoded(chainId), REMOVED), "");
      this.#removed.add(chainId);
      return;
    }
    this.#records.delete(chainId);
    this.#removed.delete(chainId);
    if (record.of === undefined) rmSync(join(this.#root, LINKS, linkName(chainId)), { force: true });
    this.#trash.take(join(this.#root, encoded(chainId)));
    if (record.of !== undefined) this.#useGone(this.#names, record.of);
    if (record.over !== undefined) this.#useGone(this.#patches, record.over);
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
    count(this.#names, of);
  }

  isShared(chainId: Digest): boolean {
    const record = this.#records.get(chainId);
    if (record === undefined) return false;
    if (record.of === undefined) return this.#names.has(chainId) || this.#hasNamedPatch(chainId);
    const { over } = this.#get(record.of);
    const isLast = (uses: Map<Digest, number>, of: Digest) => this.#removed.has(of) && uses.get(of) === 1;
    return !isLast(this.#names, record.of) || (over !== undefined && !isLast(this.#patches, over));
  }

  #hasNamedPatch(chainId: Digest): boolean {
    if (!this.#patches.has(chainId)) return false;
    for (const [patch, { over }] of this.#records)
      if (over === chainId && this.#names.has(patch)) return true;
    return false;
  }

  /** Everything that was written before is on the disk when it resolves. */
  async flush(): Promise<void> {
    await this.#sync.sync();
  }

  #useGone(uses: Map<Digest, number>, of: Digest): void {
    const left = (uses.get(of) ?? 1) - 1;
    if (left > 0) uses.set(of, left);
    else {
      uses.delete(of);
      if (this.#removed.has(of)) this.remove(of);
    }
  }

  #countUses(): void {
    // Patches first: one that is incomplete takes its names with it.
    for (const [chainId, { over }] of this.#records) {
      if (over !== undefined) this.#countUse(chainId, this.#patches, over);
    }
    for (const [chainId, { of }] of this.#records) {
      if (of !== undefined) this.#countUse(chainId, this.#names, of);
    }
    for (const chainId of [...this.#removed]) {
      if (!this.#names.has(chainId) && !this.#patches.has(chainId)) this.remove(chainId);
    }
  }

  #countUse(chainId: Digest, uses: Map<Digest, number>, of: Digest): void {
    if (this.#records.has(of)) {
      count(uses, of);
      return;
    }
    log.warn("an unpacked layer is incomplete and is removed", { layer: chainId });
    this.#records.delete(chainId);
    this.#trash.take(join(this.#root, encoded(chainId)));
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
    if (record.over !== undefined) count(this.#patches, record.over);
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

function count(uses: Map<Digest, number>, of: Digest): void {
  uses.set(of, (uses.get(of) ?? 0) + 1);
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
