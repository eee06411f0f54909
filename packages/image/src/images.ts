import type { Digest } from "@berth/base";
import type { ImageConfigFile } from "@berth/spec";

export type { ImageConfigFile, ImageRuntimeConfig } from "@berth/spec";

/** What the engine needs of an image to make a container. */
export interface ResolvedImage {
  /** The config's digest: Docker's image id. */
  id: Digest;
  config: ImageConfigFile;
  /** Chain ids of the unpacked layers, base first. */
  chain: readonly Digest[];
}

/** The engine's and the API's view of images; `packages/image` implements it. Details: list, inspect, history, load, save, import, commit, tag, remove, prune. */
export interface ImageResolver {
  /** By name, name:tag, name@digest, id or unambiguous id prefix. @throws not-found `No such image: x`. */
  resolve(reference: string): ResolvedImage;
}
