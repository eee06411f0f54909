import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Filters } from "@berth/api";
import { type Digest, notFound } from "@berth/base";
import type { Content } from "@berth/content";
import type { RegistryClient } from "@berth/registry";
import { type Snapshots, Trash } from "@berth/snapshot";
import type { State } from "@berth/state";
import { bootstrapImage } from "./bootstrap/bootstrap.ts";
import { Catalog, type ImageRecord } from "./catalog/catalog.ts";
import { findImage } from "./catalog/resolve.ts";
import { familiarNames, type ImageContext } from "./context.ts";
import { commitContainer } from "./create/commit.ts";
import { importImage, importUrl } from "./create/import.ts";
import { publishImage } from "./create/publish.ts";
import type { ResolvedImage } from "./images.ts";
import type { ImageJobs } from "./jobs.ts";
import { ensureBlobs } from "./layers/ensure-blobs.ts";
import { type Hold, Holds } from "./layers/holds.ts";
import { loadImages } from "./load/load.ts";
import { pullImages } from "./pull/pull.ts";
import { pushImages } from "./push/push.ts";
import { collectUnused } from "./removal/free.ts";
import { ImagePruner } from "./removal/prune.ts";
import { removeImage } from "./removal/remove.ts";
import { imagesToSave } from "./save/names.ts";
import { saveImages } from "./save/save.ts";
import type {
  BootstrapOptions,
  ByteStream,
  CommitOptions,
  ImageEvent,
  ImageListOptions,
  ImageStore,
  ImageUsers,
  ImportOptions,
  PublishedImage,
  PullOptions,
  PushOptions,
} from "./store.ts";
import { tagImage } from "./tag.ts";
import { openTransfers, type TransferLimits } from "./transfers.ts";
import { imageHistory, inspectImage } from "./views/inspect.ts";
import { layersSize, listImages } from "./views/list.ts";

export interface ImageStoreOptions {
  /** `--data-root`; `tmp/` in it takes scratch files. */
  dataRoot: string;
  state: State;
  content: Content;
  snapshots: Snapshots;
  jobs: ImageJobs;
  /** How to reach registries; default: with no settings. */
  registry?: RegistryClient;
  limits?: () => TransferLimits;
}

const TRASH = "trash";

/** The image store of a daemon. What a crash left is freed by `collect`, once the containers are known (`setUsers`). */
export function openImageStore(options: ImageStoreOptions): ImageStore {
  const scratch = join(options.dataRoot, "tmp");
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  const trash = new Trash(join(scratch, TRASH));
  for (const name of readdirSync(scratch)) if (name !== TRASH) trash.take(join(scratch, name));
  return new LocalImageStore(options, scratch, trash);
}

/** Joins the operations, each of which is a module of its own. */
class LocalImageStore implements ImageStore {
  readonly #context: ImageContext;
  readonly #pruner: ImagePruner;
  readonly #listeners: ((event: ImageEvent) => void)[] = [];

  constructor(options: ImageStoreOptions, scratch: string, trash: Trash) {
    const { state, content, snapshots, jobs, registry, limits } = options;
    this.#context = {
      catalog: new Catalog(state),
      content,
      snapshots,
      jobs,
      holds: new Holds(() => content.lease()),
      scratch,
      trash,
      users: () => [],
      transfers: openTransfers(registry, limits),
      emit: (event) => {
        for (const listener of this.#listeners) listener(event);
      },
    };
    this.#pruner = new ImagePruner(this.#context);
  }

  resolve(reference: string): ResolvedImage {
    return resolved(findImage(this.#context.catalog, reference));
  }

  get(id: Digest): ResolvedImage | undefined {
    const image = this.#context.catalog.get(id);
    return image === undefined ? undefined : resolved(image);
  }

  names(id: Digest): { tags: string[]; digests: string[] } {
    return familiarNames(this.#context, id);
  }

  async list(options: ImageListOptions) {
    return listImages(this.#context, options);
  }

  async inspect(name: string, options: { platform?: string }) {
    return inspectImage(this.#context, name, options.platform);
  }

  async history(name: string, options: { platform?: string }) {
    return imageHistory(this.#context, name, options.platform);
  }

  async diskUsage() {
    return { layersSize: layersSize(this.#context) };
  }

  async tag(name: string, repository: string, tag: string) {
    tagImage(this.#context, name, repository, tag);
  }

  remove(name: string, options: { force: boolean; prune: boolean }) {
    return removeImage(this.#context, name, options);
  }

  prune(filters: Filters, signal: AbortSignal) {
    return this.#pruner.prune(filters, signal);
  }

  async save(names: readonly string[], options: { platform?: string }, signal: AbortSignal) {
    using hold = this.#context.holds.take();
    for (const id of imagesToSave(this.#context.catalog, names).keys()) {
      await ensureBlobs(this.#context, this.#context.catalog.get(id)!, hold, signal);
    }
    return saveImages(this.#context, names, options.platform, signal);
  }

  load(tar: ByteStream, options: { quiet: boolean; platform?: string }, signal: AbortSignal) {
    return loadImages(this.#context, tar, options, signal);
  }

  import(tar: ByteStream, options: ImportOptions, signal: AbortSignal) {
    return importImage(this.#context, tar, options, signal);
  }

  importFromUrl(url: string, options: ImportOptions, signal: AbortSignal) {
    return importUrl(this.#context, url, options, signal);
  }

  commit(options: CommitOptions, signal: AbortSignal) {
    return commitContainer(this.#context, options, signal);
  }

  publish(image: PublishedImage, hold: Hold, signal: AbortSignal) {
    return publishImage(this.#context, image, hold, signal);
  }

  addDigest(id: Digest, { domain, path }: { domain: string; path: string }, digest: Digest): void {
    const { catalog } = this.#context;
    const reference = { domain, path, digest };
    if (catalog.get(id) === undefined || catalog.idOf(reference) === id) return;
    catalog.change((change) => change.setName(reference, id));
  }

  async layerBlobs(id: Digest, hold: Hold, signal: AbortSignal) {
    const image = this.#context.catalog.get(id);
    if (image === undefined) throw notFound(`No such image: ${id}`);
    return await ensureBlobs(this.#context, image, hold, signal);
  }

  configBytes(id: Digest): Uint8Array {
    if (this.#context.catalog.get(id) === undefined) throw notFound(`No such image: ${id}`);
    return this.#context.catalog.configBytes(id);
  }

  hold(): Hold {
    return this.#context.holds.take();
  }

  pull(options: PullOptions, signal: AbortSignal) {
    return pullImages(this.#context, options, signal);
  }

  push(options: PushOptions, signal: AbortSignal) {
    return pushImages(this.#context, options, signal);
  }

  bootstrap(name: string, options: BootstrapOptions, signal: AbortSignal) {
    return bootstrapImage(this.#context, name, options, signal);
  }

  setUsers(users: ImageUsers): void {
    this.#context.users = users;
  }

  subscribe(listener: (event: ImageEvent) => void): void {
    this.#listeners.push(listener);
  }

  collect(): Promise<void> {
    return collectUnused(this.#context);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.length = 0;
    await this.#context.trash.empty();
  }
}

function resolved({ id, config, chain }: ImageRecord): ResolvedImage {
  return { id, config, chain };
}
