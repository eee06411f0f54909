import { type Digest, invalidParameter, log } from "@berth/base";
import type { Content } from "@berth/content";
import type { LayerFacts, LayerInProgress, Snapshots } from "@berth/snapshot";
import { chainIds } from "@berth/spec";
import type { LayerBlob } from "../catalog/catalog.ts";
import type { ImageJobs } from "../jobs.ts";
import type { Hold } from "./holds.ts";

/** One layer of an image that is to be made. */
export interface LayerSource {
  /** Digest of the uncompressed tar, as the image's configuration says. */
  diffId: Digest;
  /** Where the tar is, perhaps compressed; absent when the layer is known to be there. */
  blob: Digest;
}

export interface UnpackContext {
  content: Content;
  snapshots: Snapshots;
  jobs: ImageJobs;
}

interface Unpacked {
  layer: LayerInProgress;
  facts: LayerFacts;
}

/**
 * Unpacks what is not unpacked yet of an image's layers, and publishes all of it together: one flush of the disk.
 * `onLayer` is told of each layer that has to be unpacked, before and after.
 * @returns the blobs by diff id, with the sizes of their tars, of the layers that were unpacked.
 * @throws invalid-parameter when a layer is not what the configuration says; nothing is left then.
 */
export async function unpackLayers(
  context: UnpackContext,
  layers: readonly LayerSource[],
  hold: Hold,
  signal: AbortSignal,
  onLayer: (layer: LayerSource, done: boolean) => void = () => {},
): Promise<Map<Digest, LayerBlob>> {
  const { snapshots } = context;
  const chain = chainIds(layers.map((layer) => layer.diffId));
  // Held before they are looked at, so that a removal of another image meanwhile leaves them.
  for (const chainId of chain) hold.layer(chainId);
  const blobs = new Map<Digest, LayerBlob>();
  const pending: Unpacked[] = [];
  /** Of the layers below, topmost first. */
  const directories: string[] = [];
  await using stack = new AsyncDisposableStack();
  for (const [n, source] of layers.entries()) {
    signal.throwIfAborted();
    const chainId = chain[n]!;
    if (snapshots.has(chainId)) {
      directories.unshift(...snapshots.layerFolders(chainId));
      continue;
    }
    onLayer(source, false);
    const layer = stack.use(await snapshots.prepareLayer(chainId, chain.slice(0, n)));
    const lower = snapshots.layersAreIndependent ? directories.slice() : [];
    const result = await context.jobs.applyLayer(
      {
        blob: context.content.locate(source.blob).path,
        // The store took the blob only with this digest.
        ...(source.blob === source.diffId && { known: source.diffId }),
        directory: layer.directory,
        whiteouts: snapshots.whiteouts,
        lower,
      },
      signal,
    );
    if (result.diffId !== source.diffId) {
      throw invalidParameter(
        `invalid diffID for layer ${n}: expected ${JSON.stringify(source.diffId)}, got ${JSON.stringify(result.diffId)}`,
      );
    }
    for (const warning of result.warnings) log.warn("unpacking a layer", { layer: source.diffId, warning });
    blobs.set(source.diffId, { blob: source.blob, tarSize: result.tarSize });
    const facts = { diffId: result.diffId, size: result.contentSize };
    directories.unshift(layer.directory);
    if (snapshots.layersAreIndependent) pending.push({ layer, facts });
    else await layer.commit(facts);
    onLayer(source, true);
  }
  await Promise.all(pending.map(({ layer, facts }) => layer.commit(facts)));
  return blobs;
}
