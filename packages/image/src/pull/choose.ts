import { invalidParameter, notFound } from "@berth/base";
import type { Document, Repository, Selector } from "@berth/registry";
import {
  bestPlatform,
  type Descriptor,
  formatPlatform,
  type ImageIndex,
  isIndexType,
  isManifest,
  isManifestType,
  type Manifest,
  type Platform,
} from "@berth/spec";

/** Indexes inside of indexes. */
const MAX_DEPTH = 4;

export interface ChosenManifest {
  /** What the tag stands for: an index, or the manifest itself. */
  top: Descriptor;
  descriptor: Descriptor;
  bytes: Uint8Array;
  manifest: Manifest;
}

/** Finds the manifest for a platform. `found`: the name stands for something. @throws not-found when an index has none for it. */
export async function chooseManifest(
  repository: Repository,
  selector: Selector,
  wanted: Platform,
  signal: AbortSignal,
  found: () => void = () => {},
): Promise<ChosenManifest> {
  let document: Document = await repository.fetchManifest(selector, signal);
  found();
  const top = document.descriptor;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const { content, descriptor, bytes } = document;
    if (isManifest(content)) return { top, descriptor, bytes, manifest: content };
    const next = chooseEntry(content, wanted);
    document = await repository.fetchManifest({ digest: next.digest }, signal);
  }
  throw invalidParameter("too many indexes inside of indexes");
}

/** The entry of an index for a platform. @throws not-found. */
export function chooseEntry(index: ImageIndex, wanted: Platform): Descriptor {
  const candidates = index.manifests.filter(
    (each) => isManifestType(each.mediaType) || isIndexType(each.mediaType),
  );
  const best = bestPlatform(wanted, candidates, (each) => each.platform);
  // An index of one image that does not say for what.
  const only = candidates.length === 1 && candidates[0]!.platform === undefined ? candidates[0] : undefined;
  const chosen = best ?? only;
  if (chosen === undefined) {
    throw notFound(`no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`);
  }
  return chosen;
}
