import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, notFound, systemError } from "@berth/base";
import type { RootfsMount } from "@berth/spec";
import type { LayerJobs } from "../jobs.ts";
import { LayerFolder } from "../layers/layer-folder.ts";
import { Trash } from "../layers/trash.ts";
import { WritableFolder } from "../layers/writable-folder.ts";
import type { SnapshotOptions } from "../overlay/overlay-snapshots.ts";
import type {
  Change,
  LayerFacts,
  LayerInProgress,
  LayerPart,
  Snapshots,
  WritableLayer,
  WritableOptions,
} from "../snapshots.ts";

const ROOT = "root";

/** Each layer is the whole tree, a copy of the one below with the difference applied. For file systems that overlayfs refuses. */
export async function openCopySnapshots(options: SnapshotOptions): Promise<Snapshots> {
  const trash = new Trash(join(options.dataRoot, "trash"));
  const layers = new LayerFolder(join(options.dataRoot, "layers"), trash, async (folder, parent) => {
    if (parent !== undefined) await copyTree(parent, folder);
  });
  await layers.load();
  const writables = new WritableFolder(join(options.dataRoot, "containers"), layers, trash);
  return new CopySnapshots(layers, writables, trash, options.jobs);
}

class CopySnapshots implements Snapshots {
  readonly driver = "vfs";
  readonly layersAreIndependent = false;
  readonly whiteouts = "remove";
  readonly #layers: LayerFolder;
  readonly #writables: WritableFolder;
  readonly #trash: Trash;
  readonly #jobs: LayerJobs;

  constructor(layers: LayerFolder, writables: WritableFolder, trash: Trash, jobs: LayerJobs) {
    this.#layers = layers;
    this.#writables = writables;
    this.#trash = trash;
    this.#jobs = jobs;
  }

  has(chainId: Digest): boolean {
    return this.#layers.has(chainId);
  }

  list(kind?: "image" | "private"): Digest[] {
    return this.#layers.list(kind);
  }

  share(existing: Digest, chainId: Digest, parents: readonly Digest[], facts: LayerFacts): Promise<void> {
    return this.#layers.share(existing, chainId, parents, facts);
  }

  isShared(id: Digest): boolean {
    return this.#layers.isShared(id);
  }

  flush(): Promise<void> {
    return this.#layers.flush();
  }

  async prepareLayer(chainId: Digest, parents: readonly Digest[], over?: Digest): Promise<LayerInProgress> {
    if (over !== undefined) throw systemError("layers that are whole trees have no patches");
    for (const parent of parents) this.#layers.path(parent);
    return await this.#layers.prepare(chainId, parents);
  }

  view(chain: readonly Digest[]): RootfsMount {
    return { kind: "directory", path: this.#top(chain) };
  }

  async createWritable(id: string, { chain }: WritableOptions): Promise<WritableLayer> {
    this.#writables.create(id, chain);
    try {
      const root = this.#writables.path(id, ROOT);
      await mkdir(root, { mode: 0o755 });
      await copyTree(this.#top(chain), root);
    } catch (error) {
      await this.removeWritable(id);
      throw error;
    }
    return this.writable(id);
  }

  writable(id: string): WritableLayer {
    const path = this.#writables.path(id, ROOT);
    if (!existsSync(path)) throw notFound(`layer not found: ${id}`);
    return { kind: "directory", path, upperDirectory: path };
  }

  throwAway(path: string): void {
    this.#trash.take(path);
  }

  async removeWritable(id: string): Promise<void> {
    this.#writables.remove(id, [ROOT]);
  }

  async writableSize(id: string): Promise<number> {
    return await this.#jobs.changedSize(
      this.writable(id).upperDirectory,
      this.view(this.#writables.chain(id)),
    );
  }

  async changes(id: string): Promise<Change[]> {
    const { upperDirectory } = this.writable(id);
    return await this.#jobs.changes(upperDirectory, this.view(this.#writables.chain(id)), "copy");
  }

  async removeLayer(chainId: Digest): Promise<void> {
    this.#layers.remove(chainId);
  }

  layerFacts(chainId: Digest): LayerFacts {
    return this.#layers.facts(chainId);
  }

  layerPlace(chainId: Digest): string {
    return this.#layers.place(chainId);
  }

  layerFolders(chainId: Digest): string[] {
    return this.#layers.paths(chainId);
  }

  wholeLayer(chainId: Digest): Digest {
    return this.#layers.whole(chainId);
  }

  layerListing(chainId: Digest): string | undefined {
    return this.#layers.listing(chainId);
  }

  layerSize(chainId: Digest): number {
    return this.#layers.facts(chainId).size;
  }

  layerParts(chainId: Digest): LayerPart[] {
    return this.#layers.parts(chainId);
  }

  metadata(): null {
    return null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#trash[Symbol.asyncDispose]();
  }

  #top(chain: readonly Digest[]): string {
    const top = chain.at(-1);
    return top === undefined ? this.#layers.emptyPath : this.#layers.path(top);
  }
}

/** Everything of `from`, and its own attributes, into the existing folder `to`. Blocks are shared where the file system can. */
async function copyTree(from: string, to: string): Promise<void> {
  const child = Bun.spawn(["cp", "-a", "--reflink=auto", "--", `${from}/.`, to], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const complaint = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw systemError(complaint.trim().slice(0, 1000) || `cannot copy ${from}`);
}
