import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Digest, notFound } from "@berth/base";
import type { RootfsMount } from "@berth/spec";
import type { LayerJobs } from "../jobs.ts";
import { copyRootAttributes, LayerFolder } from "../layers/layer-folder.ts";
import { Trash } from "../layers/trash.ts";
import { WritableFolder } from "../layers/writable-folder.ts";
import type {
  Change,
  LayerFacts,
  LayerInProgress,
  LayerPart,
  Snapshots,
  WritableLayer,
  WritableOptions,
} from "../snapshots.ts";

export interface SnapshotOptions {
  /** The daemon's `--data-root`; `layers/`, `containers/` and `trash/` in it are used. */
  dataRoot: string;
  jobs: LayerJobs;
}

const UPPER = "upper";
const WORK = "work";

/** Layers are differences, stacked by overlayfs when a container is started. */
export async function openOverlaySnapshots(options: SnapshotOptions): Promise<Snapshots> {
  const trash = new Trash(join(options.dataRoot, "trash"));
  const layers = new LayerFolder(join(options.dataRoot, "layers"), trash, async (folder, parent) => {
    if (parent !== undefined) copyRootAttributes(parent, folder);
  });
  await layers.load();
  const writables = new WritableFolder(join(options.dataRoot, "containers"), layers, trash);
  return new OverlaySnapshots(layers, writables, trash, options.jobs);
}

class OverlaySnapshots implements Snapshots {
  readonly driver = "overlay2";
  readonly layersAreIndependent = true;
  readonly whiteouts = "overlay";
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

  prepareLayer(chainId: Digest, parents: readonly Digest[], over?: Digest): Promise<LayerInProgress> {
    return this.#layers.prepare(chainId, parents, over);
  }

  view(chain: readonly Digest[]): RootfsMount {
    const lower = this.#lower(chain);
    if (lower.length === 0) return { kind: "directory", path: this.#layers.emptyPath };
    // Without an upper folder the kernel wants two different ones.
    if (lower.length === 1) lower.push(this.#layers.emptyPath);
    return { kind: "overlay", lower };
  }

  async createWritable(id: string, { chain }: WritableOptions): Promise<WritableLayer> {
    this.#writables.create(id, chain);
    try {
      const upper = this.#writables.path(id, UPPER);
      mkdirSync(upper, { mode: 0o755 });
      mkdirSync(this.#writables.path(id, WORK), { mode: 0o700 });
      const top = chain.at(-1);
      if (top !== undefined) copyRootAttributes(this.#layers.path(top), upper);
      else chownSync(upper, 0, 0);
    } catch (error) {
      await this.removeWritable(id);
      throw error;
    }
    return this.#writableMount(id, chain);
  }

  writable(id: string): WritableLayer {
    return this.#writableMount(id, this.#writables.chain(id));
  }

  throwAway(path: string): void {
    this.#trash.take(path);
  }

  async removeWritable(id: string): Promise<void> {
    this.#writables.remove(id, [UPPER, WORK]);
  }

  async writableSize(id: string): Promise<number> {
    return await this.#jobs.diskUsage(this.#upper(id));
  }

  async changes(id: string): Promise<Change[]> {
    return await this.#jobs.changes(this.#upper(id), this.view(this.#writables.chain(id)), "overlay");
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

  metadata(chain: readonly Digest[], id?: string): Record<string, string> | null {
    const paths = chain.toReversed().flatMap((layer) => this.#layers.paths(layer));
    if (id !== undefined) {
      return {
        LowerDir: paths.join(":"),
        MergedDir: this.#writables.path(id, "merged"),
        UpperDir: this.#writables.path(id, UPPER),
        WorkDir: this.#writables.path(id, WORK),
      };
    }
    const [top, ...below] = paths;
    if (top === undefined) return null;
    const folder = join(top, "..");
    return {
      ...(below.length > 0 && { LowerDir: below.join(":") }),
      MergedDir: join(folder, "merged"),
      UpperDir: top,
      WorkDir: join(folder, "work"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#trash[Symbol.asyncDispose]();
  }

  #upper(id: string): string {
    if (!this.#writables.has(id, UPPER)) throw notFound(`layer not found: ${id}`);
    return this.#writables.path(id, UPPER);
  }

  #writableMount(id: string, chain: readonly Digest[]): WritableLayer {
    const upper = this.#upper(id);
    const lower = this.#lower(chain);
    if (lower.length === 0) lower.push(this.#layers.emptyPath);
    return { kind: "overlay", lower, upper, work: this.#writables.path(id, WORK), upperDirectory: upper };
  }

  /** Topmost first. */
  #lower(chain: readonly Digest[]): string[] {
    return chain.toReversed().flatMap((layer) => this.#layers.shortPaths(layer));
  }
}
