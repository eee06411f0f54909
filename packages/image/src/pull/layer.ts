import { open } from "node:fs/promises";
import { type Digest, invalidParameter, log } from "@berth/base";
import type { PartialBlob } from "@berth/content";
import { download, type Repository } from "@berth/registry";
import type { Descriptor } from "@berth/spec";
import type { LayerBlob } from "../catalog/catalog.ts";
import type { ImageContext } from "../context.ts";
import type { ApplyResult } from "../jobs.ts";
import { awaitTurn, BelowGone, openStage, placesBelow, type Stage, untilAborted } from "./stages.ts";

/** What becomes of a layer. */
export type LayerNews =
  | { step: "downloading" | "extracting"; current: number; total: number }
  | { step: "waiting" | "verifying" | "downloaded" | "complete" }
  | { step: "retrying"; seconds: number };

export interface LayerWork {
  repository: Repository;
  descriptor: Descriptor;
  diffId: Digest;
  chainId: Digest;
  /** Chain ids below it, base first. */
  parents: readonly Digest[];
  /** Where it is in the image, for errors. */
  index: number;
}

/**
 * Makes one layer: its blob comes while it is unpacked. Blob and layer are in their places when it resolves; nothing of them
 * is when it fails, but the part of the blob that came, which the next attempt begins with.
 */
export async function makeLayer(
  context: ImageContext,
  work: LayerWork,
  tell: (news: LayerNews) => void,
  signal: AbortSignal,
): Promise<LayerBlob> {
  const { content, snapshots } = context;
  const { descriptor } = work;
  // Before anything else: the layers above look for it.
  using stage = openStage(context, work.chainId);
  using lease = content.lease();
  lease.hold(descriptor.digest);
  if (content.has(descriptor.digest)) {
    tell({ step: "downloaded" });
    return await unpackStored(context, work, stage, tell, signal);
  }
  await using partial = await content.partial(descriptor, lease);
  if (content.has(descriptor.digest)) {
    tell({ step: "downloaded" });
    return await unpackStored(context, work, stage, tell, signal);
  }
  const progress = new Progress(partial);
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const resumed = partial.ranges().length > 0;
  if (!context.transfers.downloads.free) tell({ step: "waiting" });
  const fetching = download(work.repository, descriptor, partial, {
    slots: context.transfers.downloads,
    attempts: context.transfers.attempts(),
    signal: both,
    onProgress: () => {
      progress.changed();
      tell({ step: "downloading", current: progress.received(), total: descriptor.size });
    },
    onRetry: (seconds) => tell({ step: "retrying", seconds }),
  }).then(
    () => {
      progress.changed();
      tell({ step: "downloaded" });
    },
    (error: unknown) => progress.fail(error),
  );
  try {
    if (snapshots.has(work.chainId)) {
      // Only the blob is missing: somebody may want to have it back.
      await fetching;
      progress.throwIfFailed();
      const { digest } = await digestOfFile(partial.path, both);
      await accept(partial, digest, descriptor);
      const known = context.catalog.layerBlob(work.diffId);
      return {
        blob: descriptor.digest,
        tarSize: known?.tarSize ?? (await unpackedSize(context, descriptor)),
      };
    }
    return await unpack(context, work, stage, partial.path, progress, tell, both, async (digest) => {
      await fetching;
      progress.throwIfFailed();
      await accept(partial, digest, descriptor);
    });
  } catch (error) {
    stop.abort(error);
    await fetching;
    if (signal.aborted || error instanceof BelowGone) throw error;
    progress.throwIfFailed(error);
    // What could not be unpacked may be no fault of the image: the bytes may be other ones.
    if (partial.complete && !content.has(descriptor.digest)) {
      const { digest } = await digestOfFile(partial.path, signal);
      // Nor is a blob kept that is what it should be and no layer.
      await partial.discard();
      if (digest !== descriptor.digest) {
        if (resumed) {
          log.warn("a layer that was fetched in parts is fetched again", { digest: descriptor.digest });
          return await makeLayer(context, work, tell, signal);
        }
        throw invalidParameter(`filesystem layer verification failed for digest ${descriptor.digest}`, {
          cause: error,
        });
      }
    }
    throw error;
  }
}

/** @throws when the blob is not what it should be. */
async function accept(
  partial: PartialBlob,
  digest: Digest | undefined,
  descriptor: Descriptor,
): Promise<void> {
  if (digest !== descriptor.digest) {
    throw invalidParameter(`filesystem layer verification failed for digest ${descriptor.digest}`);
  }
  await partial.commit();
}

async function unpackStored(
  context: ImageContext,
  work: LayerWork,
  stage: Stage,
  tell: (news: LayerNews) => void,
  signal: AbortSignal,
): Promise<LayerBlob> {
  const { digest } = work.descriptor;
  if (context.snapshots.has(work.chainId)) {
    const known = context.catalog.layerBlob(work.diffId);
    if (known !== undefined) return known;
    return { blob: digest, tarSize: await unpackedSize(context, work.descriptor) };
  }
  const { path } = context.content.locate(digest);
  return await unpack(context, work, stage, path, undefined, tell, signal, async () => {});
}

async function unpack(
  context: ImageContext,
  work: LayerWork,
  stage: Stage,
  path: string,
  progress: Progress | undefined,
  tell: (news: LayerNews) => void,
  signal: AbortSignal,
  verified: (digest: Digest | undefined) => Promise<void>,
): Promise<LayerBlob> {
  const { snapshots } = context;
  const total = work.descriptor.size;
  // Turns are taken from the bottom up: a layer that has its turn never waits for one that has none.
  const under = await awaitTurn(context, work.parents.at(-1), signal);
  const below = under?.unpacked.promise ?? Promise.resolve();
  if (!snapshots.layersAreIndependent)
    await untilAborted(committed(context, work.parents.at(-1), below), signal);
  await using layer = await snapshots.prepareLayer(work.chainId, work.parents);
  const places = snapshots.layersAreIndependent ? await placesBelow(context, work.parents) : { layers: [] };
  let result: ApplyResult;
  {
    using _turn = await context.transfers.unpacking.take(signal);
    stage.started.resolve(layer.directory);
    result = await context.jobs.applyLayer(
      {
        blob: path,
        directory: layer.directory,
        whiteouts: snapshots.whiteouts,
        lower: [],
        growing: { ...places, below, size: total, prefix: progress?.prefix ?? (async () => total) },
        onPosition: (current) => {
          if (progress === undefined || progress.finished) tell({ step: "extracting", current, total });
        },
      },
      signal,
    );
  }
  stage.unpacked.resolve();
  tell({ step: "extracting", current: total, total });
  await verified(result.digest);
  if (result.diffId !== work.diffId) {
    throw invalidParameter("layers from manifest don't match image configuration", {
      hint: `Layer ${work.index} unpacks to ${result.diffId}, the configuration says ${work.diffId}.`,
    });
  }
  for (const warning of result.warnings) log.warn("unpacking a layer", { layer: work.diffId, warning });
  await layer.commit({ diffId: result.diffId, size: result.contentSize });
  tell({ step: "complete" });
  return { blob: work.descriptor.digest, tarSize: result.tarSize };
}

/** A layer that is made from a copy of the one below needs all of it. */
async function committed(
  context: ImageContext,
  parent: Digest | undefined,
  below: Promise<unknown>,
): Promise<void> {
  await below;
  while (parent !== undefined && !context.snapshots.has(parent) && context.transfers.stages.has(parent)) {
    await Bun.sleep(COMMITTING);
  }
}
const COMMITTING = 10;

async function unpackedSize(context: ImageContext, { digest }: Descriptor): Promise<number> {
  const { decompress, detectStream } = await import("@berth/archive");
  const { compression, source } = await detectStream(context.content.open(digest));
  let size = 0;
  for await (const piece of decompress(compression, source)) size += piece.length;
  return size;
}

async function digestOfFile(path: string, signal: AbortSignal): Promise<{ digest: Digest }> {
  const hash = new Bun.CryptoHasher("sha256");
  const file = await open(path, "r");
  try {
    const buffer = Buffer.alloc(1 << 20);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
  return { digest: `sha256:${hash.digest("hex")}` };
}

/** How far a download is, for who reads behind it. */
class Progress {
  readonly #partial: PartialBlob;
  #wake = Promise.withResolvers<void>();
  #failure: { error: unknown } | undefined;

  constructor(partial: PartialBlob) {
    this.#partial = partial;
  }

  get finished(): boolean {
    return this.#partial.complete;
  }

  received(): number {
    let sum = 0;
    for (const [from, to] of this.#partial.ranges()) sum += to - from;
    return sum;
  }

  changed(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.changed();
  }

  /** `other`: what happened because of it. */
  throwIfFailed(other?: unknown): void {
    if (this.#failure !== undefined && !(other !== undefined && this.#failure.error === other)) {
      throw this.#failure.error;
    }
  }

  readonly prefix = async (than: number): Promise<number> => {
    while (this.#partial.prefix <= than) {
      if (this.#failure !== undefined) throw this.#failure.error;
      await this.#wake.promise;
    }
    return this.#partial.prefix;
  };
}
