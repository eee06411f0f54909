import type { Algorithm } from "../names.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { Holds } from "./holds.ts";
import { ManifestCache } from "./manifest-cache.ts";
import { KeyedMutex } from "./mutex.ts";

export interface Limits {
  /** Bytes. */
  maxManifestBytes: number;
  /** Bytes; undefined: no limit. */
  maxBlobBytes?: number;
  /** Whether a layer may lie at that URL instead of here; absent: at any. */
  isUrlAllowed?(url: string): boolean;
}

/** The hash of the first `offset` bytes of an upload. */
export interface HashState {
  hasher: Bun.CryptoHasher;
  algorithm: Algorithm;
  offset: number;
}

/** What all operations on repositories share. */
export interface RepositoryContext {
  store: ObjectStore;
  holds: Holds;
  manifests: ManifestCache;
  uploadLocks: KeyedMutex;
  manifestLocks: KeyedMutex;
  /** By the upload's folder. Lost with the process: then the upload is hashed again when it ends. */
  hashes: Map<string, HashState>;
  /** A link whose age is more is touched when a client relies on it, in milliseconds. */
  touchAfter: number;
  limits(): Limits;
}

export function createContext(store: ObjectStore, limits: () => Limits): RepositoryContext {
  return {
    store,
    holds: new Holds(),
    manifests: new ManifestCache(64 << 20),
    uploadLocks: new KeyedMutex(),
    manifestLocks: new KeyedMutex(),
    hashes: new Map(),
    touchAfter: 60_000,
    limits,
  };
}
