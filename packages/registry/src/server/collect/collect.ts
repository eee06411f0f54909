/**
 * Garbage collection while the registry serves. Marked is what manifests name; the rest goes when it is old enough:
 *
 *   1. in each repository: stale uploads, (if asked) manifests without a tag, links to blobs that none of its manifests names;
 *   2. blobs that no manifest names and no link leads to.
 *
 * Whoever relies on content after the marking began touches its link or the blob (repository/blobs.ts, uploads.ts,
 * manifests.ts), and every removal looks at the age again while nobody holds the digest. So a push at the same time loses
 * nothing. What a client relied on before is kept by the grace time.
 */
import { type ContentDigest, isContentDigest } from "../names.ts";
import type { RepositoryContext } from "../repository/context.ts";
import { BEGUN, walkRepositories } from "../repository/listing.ts";
import { readManifestDocument } from "../repository/manifest-document.ts";
import { readManifest, removeRevision, walkTags } from "../repository/manifests.ts";
import {
  BLOBS,
  blobKey,
  layerKey,
  layersFolder,
  revisionKey,
  revisionsFolder,
  uploadFolder,
  uploadsFolder,
} from "../storage/paths.ts";

export interface CollectOptions {
  /** Milliseconds below which nothing is removed. */
  grace: number;
  /** Manifests without a tag go too, when no index names them and they refer to nothing that stays. */
  untagged: boolean;
  /** Milliseconds after which an upload that stands still is removed. */
  uploadAge: number;
  /** Milliseconds after which a manifest that nobody asked for is removed (of a pull-through cache); absent: never. */
  unusedAge?: number;
  /** Counts only. */
  dryRun: boolean;
}

export interface Collected {
  uploads: number;
  manifests: number;
  links: number;
  blobs: number;
  bytes: number;
}

/** Clocks of file systems are coarser than ours. */
const CLOCK_STEP = 1000;

/** One collection at a time. @throws what the storage throws; what was not removed then is removed by the next one. */
export async function collect(
  context: RepositoryContext,
  options: CollectOptions,
  signal?: AbortSignal,
): Promise<Collected> {
  return await context.manifestLocks.run("collect", async () => {
    const touchAfter = context.touchAfter;
    context.touchAfter = -1;
    try {
      return await new Collection(context, options, signal).run();
    } finally {
      context.touchAfter = touchAfter;
    }
  });
}

class Collection {
  readonly #context: RepositoryContext;
  readonly #options: CollectOptions;
  readonly #signal: AbortSignal | undefined;
  /** What was modified at or after this time stays. */
  readonly #cutoff: number;
  readonly #kept = new Set<ContentDigest>();
  readonly #done: Collected = { uploads: 0, manifests: 0, links: 0, blobs: 0, bytes: 0 };

  constructor(context: RepositoryContext, options: CollectOptions, signal: AbortSignal | undefined) {
    this.#context = context;
    this.#options = options;
    this.#signal = signal;
    const now = Date.now();
    this.#cutoff = Math.min(now - options.grace, now - CLOCK_STEP);
  }

  async run(): Promise<Collected> {
    for await (const name of walkRepositories(this.#context, "", BEGUN)) {
      await this.#pause();
      await this.#uploads(name);
      if (this.#options.unusedAge !== undefined)
        await this.#unused(name, Date.now() - this.#options.unusedAge);
      if (this.#options.untagged) await this.#untagged(name);
      await this.#links(name, await this.#mark(name));
    }
    await this.#blobs();
    return this.#done;
  }

  /** Lets requests through. */
  async #pause(): Promise<void> {
    await Bun.sleep(0);
    this.#signal?.throwIfAborted();
  }

  async #digestsIn(folder: string): Promise<ContentDigest[]> {
    const found: ContentDigest[] = [];
    for (const algorithm of await this.#context.store.list(folder)) {
      for (const entry of await this.#context.store.list(`${folder}/${algorithm.slice(0, -1)}`)) {
        const digest = `${algorithm.slice(0, -1)}:${entry.slice(0, -1)}`;
        if (isContentDigest(digest)) found.push(digest);
      }
    }
    return found;
  }

  async #uploads(name: string): Promise<void> {
    const { store, uploadLocks, hashes } = this.#context;
    const oldest = Date.now() - this.#options.uploadAge;
    for (const entry of await store.list(uploadsFolder(name))) {
      const id = entry.slice(0, -1);
      const folder = uploadFolder(name, id);
      await uploadLocks.run(id, async () => {
        const modified = await store.uploadModified(folder);
        if (modified === undefined || modified > oldest) return;
        this.#done.uploads++;
        if (this.#options.dryRun) return;
        hashes.delete(folder);
        await store.removeUpload(folder);
      });
    }
  }

  /** @returns what the manifests of the repository name; all of it is kept. */
  async #mark(name: string): Promise<Set<ContentDigest>> {
    const named = new Set<ContentDigest>();
    for (const digest of await this.#digestsIn(revisionsFolder(name))) {
      this.#kept.add(digest);
      for (const each of await this.#references(digest)) named.add(each);
      await this.#pause();
    }
    for (const each of named) this.#kept.add(each);
    return named;
  }

  async #references(digest: ContentDigest): Promise<ContentDigest[]> {
    const content = await readManifest(this.#context, digest);
    if (content === undefined) return [];
    try {
      const { blobs, manifests } = readManifestDocument(content.bytes);
      return [...blobs, ...manifests].map((each) => each.digest);
    } catch {
      // Of a kind that this registry does not know: every digest in it counts.
      const text = new TextDecoder().decode(content.bytes);
      return (text.match(/sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}/g) ?? []) as ContentDigest[];
    }
  }

  async #links(name: string, named: ReadonlySet<ContentDigest>): Promise<void> {
    const { store, holds } = this.#context;
    for (const digest of await this.#digestsIn(layersFolder(name))) {
      if (named.has(digest)) continue;
      await this.#pause();
      const key = layerKey(name, digest);
      const isGone = await holds.whileFree(digest, async () => {
        const link = await store.stat(key);
        if (link === undefined) return true;
        if (link.modified >= this.#cutoff) return false;
        if (!this.#options.dryRun) await store.remove([key]);
        this.#done.links++;
        return true;
      });
      if (isGone !== true) this.#kept.add(digest);
    }
  }

  async #blobs(): Promise<void> {
    const { store, holds, manifests } = this.#context;
    for (const algorithm of await store.list(BLOBS)) {
      for (const prefix of await store.list(`${BLOBS}/${algorithm.slice(0, -1)}`)) {
        await this.#pause();
        const folder = `${BLOBS}/${algorithm}${prefix.slice(0, -1)}`;
        for (const entry of await store.list(folder)) {
          const digest = `${algorithm.slice(0, -1)}:${entry.slice(0, -1)}`;
          if (!isContentDigest(digest) || this.#kept.has(digest)) continue;
          await holds.whileFree(digest, async () => {
            const key = blobKey(digest);
            const blob = await store.stat(key);
            if (blob === undefined || blob.modified >= this.#cutoff) return;
            this.#done.blobs++;
            this.#done.bytes += blob.size;
            if (this.#options.dryRun) return;
            manifests.delete(digest);
            await store.remove([key]);
          });
        }
      }
    }
  }

  async #untagged(name: string): Promise<void> {
    const revisions = await this.#digestsIn(revisionsFolder(name));
    const documents = new Map<ContentDigest, { manifests: ContentDigest[]; subject?: ContentDigest }>();
    for (const digest of revisions) {
      documents.set(digest, await this.#relations(digest));
      await this.#pause();
    }
    const stays = new Set<ContentDigest>();
    for await (const [, digest] of walkTags(this.#context, name)) stays.add(digest);
    // What an index that stays names, and what refers to a manifest that stays, until nothing changes.
    for (let before = -1; before !== stays.size; ) {
      before = stays.size;
      for (const [digest, { manifests, subject }] of documents) {
        if (stays.has(digest)) for (const each of manifests) stays.add(each);
        else if (subject !== undefined && stays.has(subject)) stays.add(digest);
      }
    }
    for (const digest of revisions) if (!stays.has(digest)) await this.#manifest(name, digest, this.#cutoff);
  }

  /** Manifests that were not asked for since `time`. */
  async #unused(name: string, time: number): Promise<void> {
    for (const digest of await this.#digestsIn(revisionsFolder(name)))
      await this.#manifest(name, digest, Math.min(time, this.#cutoff));
  }

  /** Removes a manifest that is older than `time` and that nobody needs this moment. */
  async #manifest(name: string, digest: ContentDigest, time: number): Promise<void> {
    const { store, holds } = this.#context;
    await this.#pause();
    await holds.whileFree(digest, async () => {
      const revision = await store.stat(revisionKey(name, digest));
      if (revision === undefined || revision.modified >= time) return;
      this.#done.manifests++;
      if (!this.#options.dryRun) await removeRevision(this.#context, name, digest);
    });
  }

  async #relations(digest: ContentDigest): Promise<{ manifests: ContentDigest[]; subject?: ContentDigest }> {
    const content = await readManifest(this.#context, digest);
    try {
      const { manifests, subject } = readManifestDocument(content?.bytes ?? new Uint8Array());
      return {
        manifests: manifests.map((each) => each.digest),
        ...(subject !== undefined && { subject: subject.digest }),
      };
    } catch {
      return { manifests: [] };
    }
  }
}
