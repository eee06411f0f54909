import { existsSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { conflict, type Digest, isDigest, notFound } from "@berth/base";
import type { LayerFolder } from "./layer-folder.ts";
import type { Trash } from "./trash.ts";

const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/*
 * <root>/<id>/layer   link to the top layer of the image; the layers below are in its facts. A link needs no fsync of its own:
 *                     file systems keep names in order, so that it is there when the container's record is
 * <root>/<id>/…       what the driver puts there
 */
const LAYER = "layer";

/** The folder of containers, as far as writable layers are concerned; the rest of it belongs to the engine. */
export class WritableFolder {
  readonly #root: string;
  readonly #layers: LayerFolder;
  readonly #trash: Trash;

  constructor(root: string, layers: LayerFolder, trash: Trash) {
    this.#root = root;
    this.#layers = layers;
    this.#trash = trash;
  }

  /** `<root>/<id>/<part>`. */
  path(id: string, part: string): string {
    if (!ID.test(id)) throw notFound(`layer not found: ${id.slice(0, 200)}`);
    return join(this.#root, id, part);
  }

  /**
   * Makes `<root>/<id>` with the link to the chain's top. Synchronous: these calls take microseconds, a thread's turn takes
   * longer, and every start of a container waits for it. @throws conflict, not-found.
   */
  create(id: string, chain: readonly Digest[]): void {
    const top = chain.at(-1);
    // Its own place, even where the folder is that of another name: the chain is read from it.
    const target = top === undefined ? this.#layers.emptyPath : this.#layers.place(top);
    for (const layer of chain) this.#layers.path(layer);
    const link = this.path(id, LAYER);
    mkdirSync(dirname(link), { recursive: true, mode: 0o710 });
    try {
      symlinkSync(relative(dirname(link), target), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      throw conflict(`the writable layer ${id} exists already`);
    }
  }

  /** @throws not-found. */
  chain(id: string): Digest[] {
    let target: string;
    try {
      target = readlinkSync(this.path(id, LAYER));
    } catch {
      throw notFound(`layer not found: ${id}`);
    }
    if (basename(target) === basename(this.#layers.emptyPath)) return [];
    const top = `sha256:${basename(dirname(target))}`;
    if (!isDigest(top)) throw notFound(`layer not found: ${id}`);
    return this.#layers.chain(top);
  }

  has(id: string, part: string): boolean {
    return existsSync(this.path(id, part));
  }

  /** Moves the parts away, and forgets the chain. Idempotent. */
  remove(id: string, parts: readonly string[]): void {
    for (const part of parts) this.#trash.take(this.path(id, part));
    rmSync(this.path(id, LAYER), { force: true });
  }
}
