import type { ContentDigest } from "../names.ts";

export interface CachedManifest {
  bytes: Uint8Array;
  mediaType: string;
}

/** The manifests that were read last. Content by digest never changes, so nothing here can be stale. */
export class ManifestCache {
  readonly #entries = new Map<ContentDigest, CachedManifest>();
  readonly #maximum: number;
  #bytes = 0;

  /** @param maximum bytes of all entries. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  get(digest: ContentDigest): CachedManifest | undefined {
    const found = this.#entries.get(digest);
    if (found === undefined) return undefined;
    this.#entries.delete(digest);
    this.#entries.set(digest, found);
    return found;
  }

  set(digest: ContentDigest, manifest: CachedManifest): void {
    this.delete(digest);
    this.#entries.set(digest, manifest);
    this.#bytes += manifest.bytes.byteLength;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maximum) break;
      this.delete(oldest);
    }
  }

  delete(digest: ContentDigest): void {
    const found = this.#entries.get(digest);
    if (found === undefined) return;
    this.#entries.delete(digest);
    this.#bytes -= found.bytes.byteLength;
  }
}
