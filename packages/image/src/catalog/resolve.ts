import { type Digest, invalidParameter, isKind, notFound } from "@berth/base";
import { familiarReference, parseAnyReference, type Reference, withDefaultTag } from "@berth/spec";
import type { Catalog, ImageRecord } from "./catalog.ts";

export function noSuchImage(text: string): Error {
  return notFound(`No such image: ${text}`);
}

/**
 * The image that a user means: by full id, by name (`:latest` when it says no tag), or by the beginning of an id, in this order.
 * @throws not-found `No such image: x:latest`; invalid-parameter for what cannot be a name.
 */
export function findImage(catalog: Catalog, text: string): ImageRecord {
  const meant = parseAnyReference(text);
  if ("digest" in meant) {
    const image = catalog.get(meant.digest);
    if (image === undefined || image.retained) throw noSuchImage(meant.digest);
    return image;
  }
  const named = catalog.idOf(meant.name);
  const image = named === undefined ? uniqueByPrefix(catalog, text) : catalog.get(named);
  if (image === undefined) throw noSuchImage(familiarReference(withDefaultTag(meant.name)));
  return image;
}

/** Undefined when there is none. @throws invalid-parameter when there are several. */
export function uniqueByPrefix(catalog: Catalog, text: string): ImageRecord | undefined {
  const candidates = catalog.withIdPrefix(text);
  if (candidates.length > 1) throw invalidParameter(`ambiguous reference: ${text}`);
  return candidates[0];
}

/** True when the text names the image by (the beginning of) its id, not by a name. */
export function isIdPrefix(id: Digest, text: string): boolean {
  return id.startsWith(text) || id.slice("sha256:".length).startsWith(text);
}

/** The image, or undefined when there is none. */
export function findIfExists(catalog: Catalog, reference: Reference): ImageRecord | undefined {
  try {
    return findImage(catalog, familiarReference(reference));
  } catch (error) {
    if (isKind(error, "not-found")) return undefined;
    throw error;
  }
}
