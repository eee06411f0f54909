import { resolveInTree, runJob, type TreeEntry } from "@berth/archive";
import { notFound } from "@berth/base";
import type { StepResult } from "../cache/cache.ts";
import { keyOf } from "../cache/key.ts";
import { targetView } from "../exec/copy.ts";
import { newLayer } from "../layers/new-layer.ts";
import { digestOfEntries, type FileTree } from "../sources/file-tree.ts";
import type { BuildScope, Solved } from "./scope.ts";
import { NO_LAYERS } from "./step-work.ts";

/** Where a part of a tree lies in the layer that is made of it. */
const PART = "part";

/** Part of a tree of files: known by its content, and made a layer when somebody mounts it. */
export interface FilePart {
  content: string;
  /** `path` is where the part lies in the layers. */
  open(): Promise<{ solved: Solved; path: string }>;
}

/** Files of a client, a repository or a download as layers that the cache keeps. */
export class KeptFiles {
  readonly #scope: BuildScope;

  constructor(scope: BuildScope) {
    this.#scope = scope;
  }

  /** All of a tree, as the base of a stage. `name` is shown with the cache. */
  async whole(tree: FileTree, name: string): Promise<Solved> {
    const [match] = await tree.select("/");
    const entries = match === undefined ? [] : tree.entriesOf(match);
    await tree.hash(entries, this.#scope.signal);
    const key = keyOf(
      "files",
      entries.map(({ path, digest }) => [path, digest]),
    );
    return await this.#keep(tree, entries, key, name, undefined);
  }

  /** A file, or a folder with what is in it; links on the way are followed. @throws not-found */
  async part(tree: FileTree, path: string, name: string): Promise<FilePart> {
    await tree.list();
    const real = resolveInTree(tree, path);
    const entries =
      real === undefined ? [] : tree.entriesOf({ path: real, real, mode: tree.find(real)?.mode ?? 0 });
    if (entries.length === 0) {
      throw notFound(
        `failed to compute cache key: failed to calculate checksum of ref: ${JSON.stringify(path)}: not found`,
      );
    }
    await tree.hash(entries, this.#scope.signal);
    const content = digestOfEntries(entries);
    return {
      content,
      open: async () => ({
        solved: await this.#keep(tree, entries, keyOf("part of files", content), name, PART),
        path: `/${PART}`,
      }),
    };
  }

  async #keep(
    tree: FileTree,
    entries: readonly TreeEntry[],
    key: string,
    name: string,
    place: string | undefined,
  ): Promise<Solved> {
    const { cache } = this.#scope.context;
    const result = cache.find(key, NO_LAYERS) ?? (await this.#make(tree, entries, key, name, place));
    this.#scope.cacheHold.add(result);
    return { chain: result.layer === undefined ? [] : [result.layer], key, results: [result] };
  }

  async #make(
    tree: FileTree,
    entries: readonly TreeEntry[],
    key: string,
    name: string,
    place: string | undefined,
  ): Promise<StepResult> {
    const { signal, epoch, context } = this.#scope;
    const { cache, parts } = context;
    await using layer = await newLayer(parts.snapshots, []);
    const { contentSize, changed } = await runJob(
      {
        job: "assemble",
        target: targetView(layer),
        sources: [{ kind: "folder", path: tree.path }],
        copies: [
          {
            source: 0,
            name: "",
            unpack: false,
            entries: entries.map(({ digest: _, ...entry }) => entry),
            ...(place !== undefined && { as: place }),
          },
        ],
        destination: "/",
        into: true,
      },
      { signal },
    );
    await layer.commit(contentSize);
    return cache.add(
      {
        canonical: key,
        inputs: NO_LAYERS,
        layer: layer.id,
        description: name,
        size: contentSize,
        created: epoch === undefined ? Date.now() : epoch * 1000,
        parent: "",
        diffId: undefined,
        tarSize: 0,
      },
      changed ? [] : [key],
    );
  }
}
