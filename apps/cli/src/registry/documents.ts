import type { Digest } from "@berth/base";
import type { Document } from "@berth/registry";
import { MEDIA_TYPE } from "@berth/spec";

/** A platform as documents write it. */
export interface WrittenPlatform {
  architecture: string;
  os: string;
  "os.version"?: string;
  "os.features"?: string[];
  variant?: string;
}

/** A descriptor as documents write it. */
export interface WrittenDescriptor {
  mediaType: string;
  digest: Digest;
  size: number;
  urls?: string[];
  annotations?: Record<string, string>;
  platform?: WrittenPlatform;
  artifactType?: string;
}

/** The JSON of a document that the client has checked. Fields that we do not know are kept. */
export function written<T = Record<string, unknown>>(document: Pick<Document, "bytes">): T {
  return JSON.parse(new TextDecoder().decode(document.bytes)) as T;
}

export function writtenManifests(document: Document): WrittenDescriptor[] {
  return written<{ manifests: WrittenDescriptor[] }>(document).manifests;
}

/** With its fields in the order that Docker writes them in. */
export function orderedPlatform(platform: Partial<WrittenPlatform>): WrittenPlatform {
  const { architecture = "", os = "", variant } = platform;
  const version = platform["os.version"];
  const features = platform["os.features"];
  return {
    architecture,
    os,
    ...(version && { "os.version": version }),
    ...(features?.length && { "os.features": features }),
    ...(variant && { variant }),
  };
}

/** As the OCI's own types are written. */
export function ociDescriptor(descriptor: WrittenDescriptor): WrittenDescriptor {
  const { mediaType, digest, size, urls, annotations, platform, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(urls && { urls }),
    ...(annotations && { annotations: sorted(annotations) }),
    ...(platform && { platform: orderedPlatform(platform) }),
    ...(artifactType && { artifactType }),
  };
}

/** As Go writes maps. */
function sorted(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The media type of a list of such manifests. */
export function listTypeOf(descriptors: readonly Pick<WrittenDescriptor, "mediaType">[]): string {
  return descriptors[0]?.mediaType === MEDIA_TYPE.ociManifest
    ? MEDIA_TYPE.ociIndex
    : MEDIA_TYPE.dockerManifestList;
}

/** A manifest list as `docker manifest` writes it, byte by byte. */
export function manifestListText(mediaType: string, descriptors: readonly WrittenDescriptor[]): string {
  const manifests = descriptors.map((each) => ({
    mediaType: each.mediaType,
    size: each.size,
    digest: each.digest,
    ...(each.urls && { urls: each.urls }),
    ...(each.annotations && { annotations: each.annotations }),
    platform: orderedPlatform(each.platform ?? {}),
  }));
  return JSON.stringify({ schemaVersion: 2, mediaType, manifests }, null, 3);
}
