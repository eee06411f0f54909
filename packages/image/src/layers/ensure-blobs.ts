import { type Digest, isKind, systemError } from "@berth/base";
import type { ImageRecord, LayerBlob } from "../catalog/catalog.ts";
import type { ImageContext } from "../context.ts";
import type { Hold } from "./holds.ts";

/** Layers whose blob is being made, by store: two who need the same one share the work. */
const making = new WeakMap<ImageContext, Map<Digest, Promise<LayerBlob>>>();

/**
 * Makes the blobs of layers that have none: a build does not write what is perhaps never saved or pushed. They are packed from
 * the unpacked layer, which must still give the digest that the image's configuration names.
 * @returns the blob of each layer, base first; held. @throws system when a layer or its content is not what it was
 */
export async function ensureBlobs(
  context: ImageContext,
  image: ImageRecord,
  hold: Hold,
  signal: AbortSignal,
): Promise<LayerBlob[]> {
  for (const chainId of image.chain) hold.layer(chainId);
  const blobs: LayerBlob[] = [];
  for (const index of image.chain.keys()) blobs.push(await ensureBlob(context, image, index, hold, signal));
  return blobs;
}

/** The same for one layer. `hold` holds the image's layers. */
export async function ensureBlob(
  context: ImageContext,
  image: ImageRecord,
  index: number,
  hold: Hold,
  signal: AbortSignal,
): Promise<LayerBlob> {
  const diffId = image.config.rootfs.diff_ids[index]!;
  const known = context.catalog.layerBlob(diffId);
  if (known !== undefined && context.content.has(known.blob)) {
    hold.lease.hold(known.blob);
    return known;
  }
  const running = inFlight(context);
  const work =
    running.get(diffId) ?? start(running, diffId, pack(context, image, index, diffId, hold, signal));
  const blob = await work;
  hold.lease.hold(blob.blob);
  return blob;
}

function inFlight(context: ImageContext): Map<Digest, Promise<LayerBlob>> {
  let running = making.get(context);
  if (running === undefined) {
    running = new Map();
    making.set(context, running);
  }
  return running;
}

function start(running: Map<Digest, Promise<LayerBlob>>, diffId: Digest, work: Promise<LayerBlob>) {
  running.set(diffId, work);
  const done = () => void running.delete(diffId);
  work.then(done, done);
  return work;
}

async function pack(
  context: ImageContext,
  image: ImageRecord,
  index: number,
  diffId: Digest,
  hold: Hold,
  signal: AbortSignal,
): Promise<LayerBlob> {
  const { snapshots, content, catalog } = context;
  const chainId = image.chain[index]!;
  if (!snapshots.has(chainId)) {
    throw systemError(`the content of layer ${diffId} is not there`, {
      hint: "Load or build the image again.",
    });
  }
  const [folder, below] = snapshots.layerFolders(chainId);
  const tar = context.jobs.packLayer(
    {
      folder: folder!,
      ...(below !== undefined && { below }),
      base: snapshots.view(image.chain.slice(0, index)),
      kind: snapshots.driver === "vfs" ? "copy" : "overlay",
      mountPlaces: true,
    },
    signal,
  );
  try {
    const made = await content.ingest(tar, { lease: hold.lease, signal, expected: { digest: diffId } });
    const blob = { blob: made.digest, tarSize: made.size };
    catalog.change((change) => change.setLayerBlob(diffId, blob));
    return blob;
  } catch (error) {
    if (!isKind(error, "invalid-parameter")) throw error;
    throw systemError(`layer ${diffId} is damaged on disk`, { cause: error, hint: "Build the image again." });
  }
}
