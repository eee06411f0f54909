import type { Digest } from "@berth/base";
import type { FetchedLayer, ImageRecord } from "../catalog/catalog.ts";
import type { ImageContext } from "../context.ts";

/** Milliseconds for which the layers of a pull that did not end are kept; as long as parts of blobs are. */
const KEEP_FETCHED = 7 * 24 * 3600 * 1000;

/**
 * Removes the layers of an image that was just removed which nobody else needs, and their blobs.
 * @returns their chain ids, top first.
 */
export async function freeLayers(context: ImageContext, removed: ImageRecord): Promise<Digest[]> {
  forgetFetched(context, (chainId) => removed.chain.includes(chainId));
  const needed = neededLayers(context);
  const freed = removed.chain.filter((layer) => !needed.has(layer)).reverse();
  // No pause between the choice and the deed, in which somebody could begin to use a layer.
  const removals = freed.map((layer) => context.snapshots.removeLayer(layer));
  await Promise.all(removals);
  await freeBlobs(context, removed.config.rootfs.diff_ids);
  return freed;
}

/**
 * Removes layers that pulls left which did not end: those that `which` names, and that nobody uses. Blobs that nobody needs go too.
 * @returns the bytes of their files.
 */
export async function freeFetched(
  context: ImageContext,
  which: (chainId: Digest, layer: FetchedLayer) => boolean,
): Promise<number> {
  const { snapshots } = context;
  const forgotten = forgetFetched(context, which);
  const needed = neededLayers(context);
  const freed = forgotten.map(([chainId]) => chainId).filter((chainId) => !needed.has(chainId));
  let bytes = 0;
  for (const chainId of freed) if (snapshots.has(chainId)) bytes += snapshots.layerSize(chainId);
  await Promise.all(freed.map((chainId) => snapshots.removeLayer(chainId)));
  await freeBlobs(
    context,
    forgotten.map(([, { diffId }]) => diffId),
  );
  return bytes;
}

/** Those that an operation under way holds stay. */
function forgetFetched(
  { catalog, holds }: ImageContext,
  which: (chainId: Digest, layer: FetchedLayer) => boolean,
): [Digest, FetchedLayer][] {
  const forgotten = [...catalog.fetched()].filter(
    ([chainId, layer]) => !holds.has(chainId) && which(chainId, layer),
  );
  if (forgotten.length > 0) {
    catalog.change((change) => {
      for (const [chainId] of forgotten) change.removeFetched(chainId);
    });
  }
  return forgotten;
}

/** Layers of images (retained ones too), of operations under way, and of pulls that did not end. */
function neededLayers(context: ImageContext): { has(layer: Digest): boolean } {
  const layers = new Set<Digest>(context.catalog.fetched().keys());
  for (const image of context.catalog.all()) for (const layer of image.chain) layers.add(layer);
  return { has: (layer) => layers.has(layer) || context.holds.has(layer) };
}

/** Forgets the blobs of layers that no image has any more. The blobs themselves go with the next collection. */
async function freeBlobs(context: ImageContext, diffIds: Iterable<Digest>): Promise<void> {
  const needed = new Set<Digest>();
  for (const { diffId } of context.catalog.fetched().values()) needed.add(diffId);
  for (const image of context.catalog.all())
    for (const diffId of image.config.rootfs.diff_ids) needed.add(diffId);
  const gone = [...new Set(diffIds)].filter(
    (diffId) => !needed.has(diffId) && context.catalog.layerBlob(diffId) !== undefined,
  );
  if (gone.length > 0) {
    context.catalog.change((change) => {
      for (const diffId of gone) change.removeLayerBlob(diffId);
    });
  }
  await context.content.collect(neededBlobs(context));
}

function neededBlobs(context: ImageContext): Set<Digest> {
  return new Set([...context.catalog.layerBlobs()].map(([, { blob }]) => blob));
}

/**
 * Removes everything that no image, container or operation needs: what crashes left, and images that were kept for
 * containers which are gone now.
 */
export async function collectUnused(context: ImageContext): Promise<void> {
  const { catalog, snapshots } = context;
  const used = new Set([...context.users()].map((user) => user.imageId));
  const orphans = [...catalog.all()].filter((image) => image.retained && !used.has(image.id));
  if (orphans.length > 0) {
    catalog.change((change) => {
      for (const image of orphans) change.delete(image.id);
    });
  }
  const old = Date.now() - KEEP_FETCHED;
  forgetFetched(context, (chainId, { fetched }) => fetched < old || !snapshots.has(chainId));
  const needed = neededLayers(context);
  const unused = snapshots.list().filter((layer) => !needed.has(layer));
  await Promise.all(unused.map((layer) => snapshots.removeLayer(layer)));
  await freeBlobs(
    context,
    [...catalog.layerBlobs()].map(([diffId]) => diffId),
  );
}
