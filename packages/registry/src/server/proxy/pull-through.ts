import type { ContentDigest } from "../names.ts";
import type { FoundManifest } from "../repository/manifests.ts";

/** A registry whose content is kept here when it is asked for. */
export interface PullThrough {
  /** A manifest from here or, when it is not here or a tag is too old, from there. */
  manifest(name: string, reference: string, signal: AbortSignal): Promise<FoundManifest | undefined>;
  /** The response for a blob that is not here: sent on while it is kept. @throws BLOB_UNKNOWN. */
  blob(name: string, digest: ContentDigest, request: Request): Promise<Response>;
}
