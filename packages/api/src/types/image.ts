import type { GraphDriverData } from "./container.ts";
import type { ContainerConfig } from "./container-config.ts";

export interface ImageSummary {
  /** -1: not counted. */
  Containers: number;
  /** Seconds since 1970. */
  Created: number;
  Id: string;
  Labels: Record<string, string> | null;
  ParentId: string;
  RepoDigests: string[] | null;
  RepoTags: string[] | null;
  /** -1: not computed. */
  SharedSize: number;
  Size: number;
  /** Equal to Size; the router removes it since API 1.44. */
  VirtualSize: number;
  /** Of a store that keeps several platforms of an image; since API 1.47. */
  Manifests?: ImageManifestSummary[];
  Descriptor?: unknown;
}

/** One manifest of an image's index. */
export interface ImageManifestSummary {
  ID: string;
  Available: boolean;
  Kind: "image" | "attestation" | "unknown";
  /** Bytes. */
  Size: { Content: number; Total: number };
  ImageData?: {
    Platform: { os: string; architecture: string; variant?: string };
    Containers: string[] | null;
    Size: { Unpacked: number };
  };
}

export interface ImageInspect {
  Id: string;
  RepoTags: string[];
  RepoDigests: string[];
  Parent: string;
  Comment: string;
  /** RFC 3339 with nanoseconds. */
  Created: string;
  /** Kept at every version: docker-py and docker-compose 1.29 read both. */
  Container: string;
  ContainerConfig: ContainerConfig;
  DockerVersion: string;
  Author: string;
  Config: ContainerConfig;
  Architecture: string;
  Variant?: string;
  Os: string;
  OsVersion?: string;
  Size: number;
  /** As in ImageSummary. */
  VirtualSize: number;
  GraphDriver: GraphDriverData;
  RootFS: { Type: string; Layers: string[] };
  Metadata: { LastTagTime: string };
  /** Of a store that keeps several platforms of an image; since API 1.47. */
  Manifests?: ImageManifestSummary[];
  Descriptor?: unknown;
}

export interface HistoryItem {
  Comment: string;
  /** Seconds since 1970. */
  Created: number;
  CreatedBy: string;
  /** `<missing>` for layers without an image of their own. */
  Id: string;
  Size: number;
  Tags: string[] | null;
}

export interface ImageDeleteItem {
  Untagged?: string;
  Deleted?: string;
}

export interface ImagesPruneReport {
  ImagesDeleted: ImageDeleteItem[] | null;
  SpaceReclaimed: number;
}
