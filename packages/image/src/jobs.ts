import type { Digest } from "@berth/base";
import type { BlobFile } from "@berth/content";
import type { RootfsMount } from "@berth/spec";

export interface ApplyRequest {
  /** File with the layer's tar, perhaps compressed. */
  blob: string;
  directory: string;
  whiteouts: "overlay" | "remove";
  /** Folders of the layers below, topmost first: folders that the layer does not list take their attributes there. */
  lower: readonly string[];
  /** Digest of the uncompressed tar when it was verified as the blob came: it is not computed again. */
  known?: Digest;
  /** The blob is still being fetched. */
  growing?: GrowingBlob;
  /** Told now and then how many bytes of the blob have been read. */
  onPosition?: (bytes: number) => void;
}

/** A blob that comes while it is unpacked already. */
export interface GrowingBlob {
  size: number;
  /** Bytes from its beginning that are there, as soon as there are more than `than`. @throws when there will be no more. */
  prefix(than: number): Promise<number>;
  /** Resolves when the layers below are unpacked. */
  below: Promise<unknown>;
  /** The folder that all layers below are in; absent when there are none. Paths are relative to it. */
  root?: string;
  /** Where each layer below is, topmost first; it is moved once, from its first place to the second. */
  layers: readonly (readonly string[])[];
}

export interface ApplyResult {
  /** Digest of the uncompressed tar, and its bytes. */
  diffId: Digest;
  tarSize: number;
  /** Of the blob as it is: of a growing one, which nobody has verified. */
  digest?: Digest;
  /** Bytes of the files in it. */
  contentSize: number;
  warnings: string[];
}

/** A layer that is being compressed. */
export interface CompressedLayer {
  /** Errs at its end when the content was damaged. */
  body: ReadableStream<Uint8Array>;
  /** Of the body, once all of it has come. */
  digest: () => Digest;
}

/** What reads and writes files that images and containers made. Carried out by `berth worker`, in a process of its own. */
export interface ImageJobs {
  applyLayer(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult>;
  /** The layer tar of what changed in `folder`: an overlay's upper folder, or a whole tree that began as a copy of `base`. */
  packLayer(
    request: {
      folder: string;
      /** `folder` is a patch over this one. */
      below?: string;
      base: RootfsMount;
      kind: "overlay" | "copy";
      /** With what lies where a container's start mounts something (`/etc/hosts`, `/dev`, …). Default: without. */
      mountPlaces?: boolean;
    },
    signal: AbortSignal,
  ): ReadableStream<Uint8Array>;
  /** The content of a blob, which is kept as `file` says, as gzip. The same content gives the same bytes. */
  gzipBlob(
    request: { digest: Digest; file: BlobFile; onPosition?: (bytes: number) => void },
    signal: AbortSignal,
  ): CompressedLayer;
}
