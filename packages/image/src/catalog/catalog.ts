import { type Digest, log, messageOf, sha256, ZERO_TIME } from "@berth/base";
import {
  chainIds,
  formatReference,
  type ImageConfigFile,
  parseImageConfig,
  parseReference,
  type Reference,
  withDefaultTag,
} from "@berth/spec";
import type { State } from "@berth/state";
import { STEPS } from "./tables.ts";

export interface ImageRecord {
  readonly id: Digest;
  readonly config: ImageConfigFile;
  /** Chain ids of its layers, base first. */
  readonly chain: readonly Digest[];
  /** Image that it was committed or built from, if that is known; it may be gone. */
  readonly parent: Digest | undefined;
  /** RFC 3339. */
  readonly lastTagged: string;
  /** Removed by force while containers use it: invisible but to them. */
  readonly retained: boolean;
}

export interface NewImage {
  /** The configuration's bytes; their digest is the id. */
  bytes: Uint8Array;
  parent?: Digest;
}

export interface LayerBlob {
  blob: Digest;
  /** Bytes of the uncompressed tar. */
  tarSize: number;
}

/** Where a registry has a layer. */
export interface LayerSource {
  digest: Digest;
  /** Bytes of the blob. */
  size: number;
  mediaType: string;
  /** `docker.io/library/busybox`. */
  repository: string;
}

/** A layer that a pull has made, whose image is not there (yet). */
export interface FetchedLayer {
  diffId: Digest;
  /** Milliseconds since 1970. */
  fetched: number;
}

/** Places that are remembered of each layer. */
const MOST_SOURCES = 50;

/** The changes that one transaction makes; `Catalog.change` gives it. */
export interface CatalogChange {
  /** Does nothing when it is there; one that was retained is visible again. */
  add(image: NewImage): Digest;
  /** `now`: the image was tagged by its user; absent: the name came with it. */
  setName(reference: Reference, id: Digest, now?: string): void;
  removeName(reference: Reference): void;
  delete(id: Digest): void;
  retain(id: Digest): void;
  setLayerBlob(diffId: Digest, blob: LayerBlob): void;
  removeLayerBlob(diffId: Digest): void;
  addLayerSource(diffId: Digest, source: LayerSource): void;
  setManifest(id: Digest, manifest: { mediaType: string; bytes: Uint8Array }): void;
  addFetched(chainId: Digest, layer: FetchedLayer): void;
  removeFetched(chainId: Digest): void;
}

interface Row {
  id: Digest;
  config: Uint8Array;
  parent: string;
  last_tagged: string;
  retained: number;
}

/** Which images there are, and their names: in SQLite, and all of it in memory for reading. */
export class Catalog {
  readonly #state: State;
  readonly #images = new Map<Digest, ImageRecord>();
  readonly #names = new Map<string, Digest>();
  readonly #namesOf = new Map<Digest, Map<string, Reference>>();
  readonly #layerBlobs = new Map<Digest, LayerBlob>();
  readonly #fetched = new Map<Digest, FetchedLayer>();

  constructor(state: State) {
    this.#state = state;
    state.migrate("image", STEPS);
    for (const row of state.all<Row>("SELECT * FROM images")) {
      try {
        this.#images.set(row.id, recordOf(row));
      } catch (error) {
        log.error("an image in the state database is damaged and is left out", {
          image: row.id,
          error: messageOf(error),
        });
      }
    }
    for (const row of state.all<{ reference: string; image: Digest }>("SELECT * FROM image_names")) {
      if (this.#images.has(row.image)) this.#putName(parseReference(row.reference), row.image);
    }
    type BlobRow = { diff_id: Digest; blob: Digest; tar_size: number };
    for (const row of state.all<BlobRow>("SELECT * FROM layer_blobs")) {
      this.#layerBlobs.set(row.diff_id, { blob: row.blob, tarSize: row.tar_size });
    }
    type FetchedRow = { chain_id: Digest; diff_id: Digest; fetched: number };
    for (const row of state.all<FetchedRow>("SELECT * FROM fetched_layers")) {
      this.#fetched.set(row.chain_id, { diffId: row.diff_id, fetched: row.fetched });
    }
  }

  /** Retained images too. */
  get(id: Digest): ImageRecord | undefined {
    return this.#images.get(id);
  }

  /** Without retained ones. */
  visible(): ImageRecord[] {
    return [...this.#images.values()].filter((image) => !image.retained);
  }

  /** With retained ones. */
  all(): IterableIterator<ImageRecord> {
    return this.#images.values();
  }

  /** The configuration's bytes. */
  configBytes(id: Digest): Uint8Array {
    return this.#state.get<{ config: Uint8Array }>("SELECT config FROM images WHERE id = ?", id)!.config;
  }

  children(id: Digest): ImageRecord[] {
    return this.visible().filter((image) => image.parent === id);
  }

  /** By exact reference; `:latest` is added to one that has neither tag nor digest, and with both only the digest counts. */
  idOf(reference: Reference): Digest | undefined {
    return this.#names.get(keyOf(reference));
  }

  /** Names and digest references of an image, sorted. */
  references(id: Digest): Reference[] {
    const names = this.#namesOf.get(id);
    if (names === undefined) return [];
    return [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, reference]) => reference);
  }

  /** Everything that a repository (`docker.io/library/busybox`) names, sorted. */
  inRepository(repository: string): { reference: Reference; id: Digest }[] {
    const found: { reference: Reference; id: Digest }[] = [];
    for (const [name, id] of [...this.#names].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!name.startsWith(repository)) continue;
      const reference = this.#namesOf.get(id)!.get(name)!;
      if (`${reference.domain}/${reference.path}` === repository) found.push({ reference, id });
    }
    return found;
  }

  /** The visible images whose id begins with `prefix` (with or without `sha256:`). */
  withIdPrefix(prefix: string): ImageRecord[] {
    const full = prefix.startsWith("sha256:") ? prefix : `sha256:${prefix}`;
    if (!/^sha256:[0-9a-f]{1,64}$/.test(full)) return [];
    return this.visible().filter((image) => image.id.startsWith(full));
  }

  layerBlob(diffId: Digest): LayerBlob | undefined {
    return this.#layerBlobs.get(diffId);
  }

  layerBlobs(): IterableIterator<[Digest, LayerBlob]> {
    return this.#layerBlobs.entries();
  }

  /** By chain id: layers of pulls that run, or that did not end. */
  fetched(): ReadonlyMap<Digest, FetchedLayer> {
    return this.#fetched;
  }

  /** Where registries have a layer, newest first. */
  layerSources(diffId: Digest): LayerSource[] {
    type Row = { digest: Digest; size: number; media_type: string; repository: string };
    return this.#state
      .all<Row>(
        "SELECT digest, size, media_type, repository FROM layer_sources WHERE diff_id = ? ORDER BY seen DESC",
        diffId,
      )
      .map(({ media_type: mediaType, ...rest }) => ({ ...rest, mediaType }));
  }

  /** The manifest that an image was pulled with. */
  manifest(id: Digest): { mediaType: string; bytes: Uint8Array } | undefined {
    const row = this.#state.get<{ media_type: string; bytes: Uint8Array }>(
      "SELECT media_type, bytes FROM image_manifests WHERE image = ?",
      id,
    );
    return row === undefined || row === null ? undefined : { mediaType: row.media_type, bytes: row.bytes };
  }

  /**
   * All of what `work` does, or nothing. What can be read changes after the commit.
   * `durable: false`: a power failure may undo it.
   */
  change(work: (change: CatalogChange) => void, options: { durable?: boolean } = {}): void {
    const after: (() => void)[] = [];
    this.#state.transaction(() => work(this.#changeFor(after)), options);
    for (const step of after) step();
  }

  #changeFor(after: (() => void)[]): CatalogChange {
    const state = this.#state;
    return {
      add: ({ bytes, parent }) => {
        const id = sha256(bytes);
        const known = this.#images.get(id);
        if (known !== undefined) {
          state.run("UPDATE images SET retained = 0 WHERE id = ?", id);
          after.push(() => this.#images.set(id, { ...known, retained: false }));
          return id;
        }
        const record = recordOf({ id, config: bytes, parent: parent ?? "", last_tagged: "", retained: 0 });
        state.run(
          "INSERT OR IGNORE INTO images (id, config, parent) VALUES (?, ?, ?)",
          id,
          bytes,
          parent ?? "",
        );
        after.push(() => this.#images.set(id, record));
        return id;
      },
      setName: (reference, id, now) => {
        const key = keyOf(reference);
        state.run("INSERT OR REPLACE INTO image_names (reference, image) VALUES (?, ?)", key, id);
        if (now !== undefined) state.run("UPDATE images SET last_tagged = ? WHERE id = ?", now, id);
        after.push(() => {
          this.#dropName(key);
          this.#putName(parseReference(key), id);
          if (now !== undefined) this.#images.set(id, { ...this.#images.get(id)!, lastTagged: now });
        });
      },
      removeName: (reference) => {
        const key = keyOf(reference);
        state.run("DELETE FROM image_names WHERE reference = ?", key);
        after.push(() => this.#dropName(key));
      },
      delete: (id) => {
        state.run("DELETE FROM image_names WHERE image = ?", id);
        state.run("DELETE FROM images WHERE id = ?", id);
        state.run("DELETE FROM image_manifests WHERE image = ?", id);
        after.push(() => {
          for (const name of this.#namesOf.get(id)?.keys() ?? []) this.#names.delete(name);
          this.#namesOf.delete(id);
          this.#images.delete(id);
        });
      },
      retain: (id) => {
        state.run("DELETE FROM image_names WHERE image = ?", id);
        state.run("UPDATE images SET retained = 1 WHERE id = ?", id);
        after.push(() => {
          for (const name of this.#namesOf.get(id)?.keys() ?? []) this.#names.delete(name);
          this.#namesOf.delete(id);
          this.#images.set(id, { ...this.#images.get(id)!, retained: true });
        });
      },
      setLayerBlob: (diffId, blob) => {
        state.run(
          "INSERT OR REPLACE INTO layer_blobs (diff_id, blob, tar_size) VALUES (?, ?, ?)",
          diffId,
          blob.blob,
          blob.tarSize,
        );
        after.push(() => this.#layerBlobs.set(diffId, blob));
      },
      removeLayerBlob: (diffId) => {
        state.run("DELETE FROM layer_blobs WHERE diff_id = ?", diffId);
        state.run("DELETE FROM layer_sources WHERE diff_id = ?", diffId);
        after.push(() => this.#layerBlobs.delete(diffId));
      },
      addLayerSource: (diffId, { digest, size, mediaType, repository }) => {
        state.run(
          "INSERT OR REPLACE INTO layer_sources (diff_id, digest, size, media_type, repository, seen) VALUES (?, ?, ?, ?, ?, ?)",
          diffId,
          digest,
          size,
          mediaType,
          repository,
          Date.now(),
        );
        state.run(
          "DELETE FROM layer_sources WHERE diff_id = ? AND rowid NOT IN (SELECT rowid FROM layer_sources WHERE diff_id = ? ORDER BY seen DESC LIMIT ?)",
          diffId,
          diffId,
          MOST_SOURCES,
        );
      },
      setManifest: (id, { mediaType, bytes }) => {
        state.run(
          "INSERT OR REPLACE INTO image_manifests (image, media_type, bytes) VALUES (?, ?, ?)",
          id,
          mediaType,
          bytes,
        );
      },
      addFetched: (chainId, { diffId, fetched }) => {
        state.run("INSERT OR REPLACE INTO fetched_layers VALUES (?, ?, ?)", chainId, diffId, fetched);
        after.push(() => this.#fetched.set(chainId, { diffId, fetched }));
      },
      removeFetched: (chainId) => {
        state.run("DELETE FROM fetched_layers WHERE chain_id = ?", chainId);
        after.push(() => this.#fetched.delete(chainId));
      },
    };
  }

  #putName(reference: Reference, id: Digest): void {
    const key = keyOf(reference);
    this.#names.set(key, id);
    let names = this.#namesOf.get(id);
    if (names === undefined) {
      names = new Map();
      this.#namesOf.set(id, names);
    }
    names.set(key, reference);
  }

  #dropName(key: string): void {
    const id = this.#names.get(key);
    if (id === undefined) return;
    this.#names.delete(key);
    this.#namesOf.get(id)?.delete(key);
  }
}

/** How a reference is stored. */
export function keyOf(reference: Reference): string {
  if (reference.digest === undefined) return formatReference(withDefaultTag(reference));
  const { domain, path, digest } = reference;
  return formatReference({ domain, path, digest });
}

function recordOf(row: Row): ImageRecord {
  const config = parseImageConfig(row.config);
  return {
    id: row.id,
    config,
    chain: chainIds(config.rootfs.diff_ids),
    parent: row.parent === "" ? undefined : (row.parent as Digest),
    lastTagged: row.last_tagged === "" ? ZERO_TIME : row.last_tagged,
    retained: row.retained !== 0,
  };
}
