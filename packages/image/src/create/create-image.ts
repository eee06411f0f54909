import type { ContainerConfig } from "@berth/api";
import { type Digest, sha256 } from "@berth/base";
import {
  hostPlatform,
  type ImageConfigFile,
  type ImageHistory,
  type Platform,
  type Reference,
} from "@berth/spec";
import type { ImageContext } from "../context.ts";
import { describeBlobs } from "../layers/describe.ts";
import type { Hold } from "../layers/holds.ts";
import { type LayerSource, unpackLayers } from "../layers/unpack.ts";
import { now } from "../tag.ts";

/** An image's configuration without what its members do not say. */
export type NewConfig = Omit<ImageConfigFile, "rootfs" | "history" | "created"> & { created: string };

/** A layer that was made here: a plain tar in the content store. */
export interface NewLayer {
  diffId: Digest;
  tarSize: number;
}

/** The digest of a tar without members: two blocks of zeros. Docker adds no layer for it. */
export const EMPTY_LAYER = sha256(new Uint8Array(1024));

/**
 * Makes an image of a base (its layers and history) and at most one more layer, unpacks it, and publishes it with its name.
 * @returns its id.
 */
export async function createImage(
  context: ImageContext,
  image: {
    base: ImageConfigFile | undefined;
    config: NewConfig;
    layer: NewLayer | undefined;
    history: ImageHistory;
    parent: Digest | undefined;
    name: Reference | undefined;
  },
  hold: Hold,
  signal: AbortSignal,
): Promise<Digest> {
  const { base, layer, parent, name } = image;
  const sources: LayerSource[] = (base?.rootfs.diff_ids ?? []).map((diffId) => ({
    diffId,
    blob: context.catalog.layerBlob(diffId)?.blob ?? diffId,
  }));
  if (layer !== undefined) sources.push({ diffId: layer.diffId, blob: layer.diffId });
  const file: ImageConfigFile = {
    ...image.config,
    history: [
      ...(base?.history ?? []),
      { ...image.history, ...(layer === undefined && { empty_layer: true }) },
    ],
    rootfs: { type: "layers", diff_ids: sources.map((source) => source.diffId) },
  };
  const configBytes = Buffer.from(JSON.stringify(sorted(file)));
  const unpacked = await unpackLayers(context, sources, hold, signal);
  const blobs = await describeBlobs(context, sources, unpacked, hold, signal);
  signal.throwIfAborted();
  const id = sha256(configBytes);
  context.catalog.change((change) => {
    for (const [diffId, blob] of blobs) change.setLayerBlob(diffId, blob);
    change.add({ bytes: configBytes, ...(parent !== undefined && { parent }) });
    if (name !== undefined) change.setName(name, id, now());
  });
  return id;
}

/** Go writes the members of an image's configuration in alphabetical order at the top level. */
function sorted(file: ImageConfigFile): Record<string, unknown> {
  return Object.fromEntries(Object.entries(file).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function platformMembers(
  platform: Platform = hostPlatform(),
): Pick<ImageConfigFile, "architecture" | "os" | "variant"> {
  const { architecture, os, variant } = platform;
  return { architecture, os, ...(variant !== undefined && { variant }) };
}

/** The stored form of a configuration: what Docker leaves out when it says nothing is left out. */
export function storedConfig(config: ContainerConfig): NonNullable<ImageConfigFile["config"]> {
  return config as NonNullable<ImageConfigFile["config"]>;
}
