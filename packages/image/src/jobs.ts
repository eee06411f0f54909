import type { Digest } from "@berth/base";
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
}

export interface ApplyResult {
  /** Digest of the uncompressed tar, and its bytes. */
  diffId: Digest;
  tarSize: number;
  /** Bytes of the files in it. */
  contentSize: number;
  warnings: string[];
}

/** What reads and writes files that images and containers made. Carried out by `berth worker`, in a process of its own. */
export interface ImageJobs {
  applyLayer(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult>;
  /** The layer tar of what changed in `folder`: an overlay's upper folder, or a whole tree that began as a copy of `base`. */
  packLayer(
    request: {
      folder: string;
      base: RootfsMount;
      kind: "overlay" | "copy";
      /** With what lies where a container's start mounts something (`/etc/hosts`, `/dev`, …). Default: without. */
      mountPlaces?: boolean;
    },
    signal: AbortSignal,
  ): ReadableStream<Uint8Array>;
}
