import { mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { conflict, type Digest, encoded, notFound } from "@berth/base";
import type { Change, WritableLayer, WritableOptions } from "@berth/snapshot";
import type { RootfsMount } from "@berth/spec";
import type { ContainerLayers } from "../context.ts";

/** Folders only, no overlay. */
export class FakeSnapshots implements ContainerLayers {
  readonly driver = "overlay2";
  readonly #directory: string;
  readonly layers = new Map<string, WritableLayer>();
  failCreate: Error | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  layerFolder(chainId: Digest): string {
    const path = join(this.#directory, "layers", encoded(chainId));
    mkdirSync(path, { recursive: true });
    return path;
  }

  has(): boolean {
    return true;
  }

  view(chain: readonly Digest[]): RootfsMount {
    return { kind: "overlay", lower: chain.map((each) => this.layerFolder(each)).reverse() };
  }

  async createWritable(id: string, _options: WritableOptions): Promise<WritableLayer> {
    if (this.failCreate) throw this.failCreate;
    if (this.layers.has(id)) throw conflict("exists");
    const upperDirectory = join(this.#directory, "upper", id);
    mkdirSync(upperDirectory, { recursive: true });
    mkdirSync(join(this.#directory, "containers", id), { recursive: true });
    const layer: WritableLayer = { kind: "directory", path: upperDirectory, upperDirectory };
    this.layers.set(id, layer);
    return layer;
  }

  writable(id: string): WritableLayer {
    const layer = this.layers.get(id);
    if (layer === undefined) throw notFound("no such layer");
    return layer;
  }

  throwAway(path: string): void {
    const id = basename(path);
    this.layers.delete(id);
    rmSync(join(this.#directory, "upper", id), { recursive: true, force: true });
    rmSync(path, { recursive: true, force: true });
  }

  async writableSize(): Promise<number> {
    return 7;
  }

  async changes(): Promise<Change[]> {
    return [
      { path: "/b", kind: 1 },
      { path: "/a", kind: 0 },
    ];
  }

  layerSize(): number {
    return 100;
  }

  metadata(): Record<string, string> {
    return { UpperDir: "/upper" };
  }
}
