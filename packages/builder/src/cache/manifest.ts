import type { Digest } from "@berth/base";
import type { Descriptor } from "@berth/spec";
import { JsonReader } from "@berth/spec";
import type { StepResult } from "./cache.ts";

/** Media type of the document that says which blob is which step's layer. */
export const CACHE_CONFIG = "application/vnd.berth.buildcache.v1+json";
/** Where an image's configuration holds the same for its own layers (`type=inline`). */
export const INLINE_MEMBER = "berth.buildcache.v1";
const MAX_STEPS = 10_000;
const MAX_BYTES = 32 << 20;

/** A step whose layer can be fetched. */
export interface CachedStep {
  canonical: string;
  /** Milliseconds since 1970. */
  created: number;
  /** Absent: it changed nothing. */
  diffId?: Digest;
  /** The layer's blob; in an image's configuration the manifest has it. */
  blob?: Descriptor;
}

export function cachedStep(result: StepResult, blob?: Descriptor): CachedStep {
  const { canonical, created, diffId } = result;
  return { canonical, created, ...(diffId !== undefined && { diffId }), ...(blob !== undefined && { blob }) };
}

/** What a folder of `RUN --mount=type=cache` had in it. */
export interface CachedMount {
  id: string;
  /** Its tar. */
  blob: Descriptor;
}

export interface CacheDocument {
  steps: CachedStep[];
  mounts: CachedMount[];
}

/** Reads the document; hostile. @throws invalid-parameter */
export function parseCacheDocument(bytes: Uint8Array): CacheDocument {
  const json = JsonReader.parse(bytes, "build cache", MAX_BYTES);
  const mounts = json.get("mounts");
  return {
    steps: readSteps(json),
    mounts: mounts.absent
      ? []
      : mounts
          .list(MAX_STEPS)
          .map((mount) => ({ id: mount.get("id").text(), blob: readBlob(mount.get("blob")) })),
  };
}

function readBlob(blob: JsonReader): Descriptor {
  return {
    mediaType: blob.get("mediaType").optionalText() ?? "",
    digest: blob.get("digest").digest(),
    size: blob.get("size").integer(0),
  };
}

function readSteps(json: JsonReader): CachedStep[] {
  return json
    .get("steps")
    .list(MAX_STEPS)
    .map((step): CachedStep => {
      const canonical = step.get("canonical").optionalText() ?? "";
      if (!/^[0-9a-f]{64}$/.test(canonical)) throw step.fail("not a key");
      const diffId = step.get("diffId");
      const blob = step.get("blob");
      return {
        canonical,
        created: step.get("created").optionalInteger(0) ?? 0,
        ...(!diffId.absent && { diffId: diffId.digest() }),
        ...(!blob.absent && { blob: readBlob(blob) }),
      };
    });
}
