import { decompress, detectStream } from "@berth/archive";
import type { Digest } from "@berth/base";
import type { LayerBlob } from "../catalog/catalog.ts";
import type { ImageContext } from "../context.ts";
import type { Hold } from "./holds.ts";
import type { LayerSource } from "./unpack.ts";

/**
 * The blob of each layer, for the catalog: the one that is known already and still there, the one that was just unpacked,
 * or (the layer was unpacked before, and its blob is gone) the one that came now.
 */
export async function describeBlobs(
  context: ImageContext,
  layers: readonly LayerSource[],
  unpacked: ReadonlyMap<Digest, LayerBlob>,
  hold: Hold,
  signal: AbortSignal,
): Promise<Map<Digest, LayerBlob>> {
  const blobs = new Map<Digest, LayerBlob>();
  for (const { diffId, blob } of layers) {
    const known = context.catalog.layerBlob(diffId);
    if (known !== undefined && context.content.has(known.blob)) {
      hold.lease.hold(known.blob);
      blobs.set(diffId, known);
    } else if (unpacked.has(diffId)) {
      blobs.set(diffId, unpacked.get(diffId)!);
    } else if (context.content.has(blob)) {
      blobs.set(diffId, { blob, tarSize: await tarSize(context, diffId, blob, signal) });
    }
    // Else it is a built layer, whose blob is made when it is needed.
  }
  return blobs;
}

async function tarSize(
  context: ImageContext,
  diffId: Digest,
  blob: Digest,
  signal: AbortSignal,
): Promise<number> {
  if (blob === diffId) return context.content.size(blob)!;
  const { compression, source } = await detectStream(context.content.open(blob));
  let size = 0;
  for await (const piece of decompress(compression, source)) {
    signal.throwIfAborted();
    size += piece.length;
  }
  return size;
}
