import { type Digest, invalidParameter, sha256, systemError } from "@berth/base";
import { chainIds, familiarReference, parseImageConfig, type Reference } from "@berth/spec";
import { keyOf } from "../catalog/catalog.ts";
import { type ImageContext, imageEvent } from "../context.ts";
import type { Hold } from "../layers/holds.ts";
import { now } from "../tag.ts";

/** A layer of an image that a builder made. */
export interface PublishedLayer {
  diffId: Digest;
  /** Id of the (private) layer that holds it; absent when the image's own chain has it already. */
  from?: Digest;
  /** Bytes of its files. */
  size: number;
}

/**
 * Makes an image of layers that are unpacked already: nothing is copied, and no blob is written before somebody needs one
 * (`ensureBlobs`). An image that had one of the names loses it. Nothing is written when all of it is so already.
 * @returns the image's id. @throws system when a layer is missing
 */
export async function publishImage(
  context: ImageContext,
  image: {
    config: Uint8Array;
    layers: readonly PublishedLayer[];
    names: readonly Reference[];
    parent?: Digest;
  },
  hold: Hold,
  signal: AbortSignal,
): Promise<Digest> {
  const { catalog, snapshots } = context;
  const id = sha256(image.config);
  const { rootfs } = parseImageConfig(image.config);
  if (rootfs.diff_ids.length !== image.layers.length)
    throw invalidParameter("layers and configuration differ");
  const chain = chainIds(rootfs.diff_ids);
  for (const chainId of chain) hold.layer(chainId);
  let shared = false;
  for (const [index, { diffId, from, size }] of image.layers.entries()) {
    const chainId = chain[index]!;
    if (snapshots.has(chainId)) continue;
    if (from === undefined) throw systemError(`layer ${diffId} is not there`);
    signal.throwIfAborted();
    await snapshots.share(from, chainId, chain.slice(0, index), { diffId, size });
    shared = true;
  }
  if (shared) await snapshots.flush();
  signal.throwIfAborted();
  const known = catalog.get(id);
  const isNew = known === undefined || known.retained;
  const names = image.names.filter((name) => catalog.idOf(name) !== id);
  if (isNew || names.length > 0) {
    catalog.change((change) => {
      if (isNew)
        change.add({ bytes: image.config, ...(image.parent !== undefined && { parent: image.parent }) });
      const at = now();
      for (const name of new Map(names.map((each) => [keyOf(each), each])).values())
        change.setName(name, id, at);
    });
  }
  for (const name of image.names) imageEvent(context, "tag", catalog.get(id)!, id, familiarReference(name));
  return id;
}
