import { type Digest, encoded } from "@berth/base";

/*
 * <root>/sha256/<hex>             content as it is
 * <root>/sha256/<hex>.<size>.zst  content of <size> bytes as zstd frames; <hex> is of the content
 * <root>/ingest/<random>          being written; leftovers are removed when the store is opened
 * <root>/partial/<hex>             being fetched, perhaps since an earlier start; <hex>.parts says which parts are there
 */
export const PARTIAL = "partial";
export const BLOBS = "sha256";
export const INGEST = "ingest";

export interface StoredBlob {
  name: string;
  encoding: "identity" | "zstd";
  /** Bytes of the content; undefined until it was looked up. */
  size: number | undefined;
}

const NAME = /^([0-9a-f]{64})(?:\.(\d{1,16})\.zst)?$/;

/** Undefined for a file that is not ours. */
export function parseName(name: string): { digest: Digest; blob: StoredBlob } | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const compressed = match[2] !== undefined;
  return {
    digest: `sha256:${match[1]!}`,
    blob: {
      name,
      encoding: compressed ? "zstd" : "identity",
      size: compressed ? Number(match[2]) : undefined,
    },
  };
}

export function storedBlob(digest: Digest, encoding: "identity" | "zstd", size: number): StoredBlob {
  const name = encoding === "zstd" ? `${encoded(digest)}.${size}.zst` : encoded(digest);
  return { name, encoding, size };
}
