import type { HostConfig, Ulimit } from "@berth/api";
import type { AuthProvider } from "@berth/api/build";
import type { Digest } from "@berth/base";
import type { Content } from "@berth/content";
import type { Hold, ImageStore } from "@berth/image";
import type { Networks } from "@berth/network";
import type { OciRuntime, OciSpec, Runtime, SpecInput } from "@berth/runtime";
import type { Snapshots } from "@berth/snapshot";
import type { Platform, Reference } from "@berth/spec";

/** What a builder is made of; `apps/daemon` brings the implementations. */
export interface BuilderParts {
  dataRoot: string;
  execRoot: string;
  content: Content;
  snapshots: Snapshots;
  images: Pick<
    ImageStore,
    "resolve" | "get" | "names" | "publish" | "layerBlobs" | "configBytes" | "hold" | "load"
  >;
  runtime: Runtime;
  networks: Pick<Networks, "allocate" | "publish" | "release" | "hostGateway">;
  /** Empty: the default. */
  ociRuntime(name: string): OciRuntime;
  buildSpec(input: Omit<SpecInput, "host">): OciSpec;
  /** A container's HostConfig that says nothing. */
  defaultHostConfig(): HostConfig;
  /** Every capability that this process may give, for `--security=insecure`. */
  settings: BuilderSettings;
  /** Absent: images come from the local store only, and nothing can be pushed. */
  registry?: BuilderRegistry;
}

export interface BuilderSettings {
  ulimits: readonly Ulimit[];
  shmSize: number;
  cgroupParent: string;
  dns: { servers: string[]; search: string[]; options: string[] };
  /** Bytes of cache that are kept when nobody asks for it. */
  keepStorage: number;
}

/** What a build needs of registries. */
export interface BuilderRegistry {
  /** Makes an image available in the local store. `report` is told of each layer. @throws not-found and what registries answer */
  pull(
    reference: Reference,
    platform: Platform,
    options: { auth?: AuthProvider; report(status: PullStatus): void; signal: AbortSignal },
  ): Promise<Digest>;
  /** Uploads a manifest or index with all that it names, from the content store. */
  push(
    reference: Reference,
    artifact: PushArtifact,
    options: { auth?: AuthProvider; report(status: PullStatus): void; signal: AbortSignal; hold: Hold },
  ): Promise<void>;
  /** A manifest or index by reference, and blobs of it: cache import. Undefined when there is none. */
  fetch(
    reference: Reference,
    options: { auth?: AuthProvider; signal: AbortSignal },
  ): Promise<RemoteArtifact | undefined>;
}

export interface PullStatus {
  id: string;
  current: number;
  total: number;
  done: boolean;
}

export interface PushArtifact {
  mediaType: string;
  bytes: Uint8Array;
  /** Manifests and blobs that it needs, in the order of upload; all are in the content store. */
  needs: readonly { mediaType: string; digest: Digest; size: number }[];
}

export interface RemoteArtifact {
  mediaType: string;
  bytes: Uint8Array;
  manifest(digest: Digest): Promise<Uint8Array>;
  blob(digest: Digest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}
