import type { Document } from "@berth/registry";
import { formatPlatform, isManifest, MEDIA_TYPE, normalisePlatform, type Reference } from "@berth/spec";
import { CommandError } from "../errors.ts";
import {
  ociDescriptor,
  type WrittenDescriptor,
  type WrittenPlatform,
  writtenManifests,
} from "./documents.ts";
import type { Registries } from "./open.ts";
import { describeSingle } from "./single-manifest.ts";

/** One thing that a new image is made of. */
export interface Source {
  reference: Reference;
  document: Document;
  /** What the user says about it, over what it says itself. */
  said?: Partial<WrittenDescriptor>;
}

/** `index:key=value`, `manifest-descriptor[linux/amd64]:key=value`. */
export interface Annotation {
  on: "index" | "manifest-descriptor";
  platform?: string;
  key: string;
  value: string;
}

/** @throws CommandError */
export function parseAnnotation(text: string): Annotation {
  const match = /^(?:([a-z-]+)(?:\[([^\]]*)\])?:)?([^=:\s]+)=(.*)$/s.exec(text);
  if (match === null)
    throw new CommandError(`invalid annotation ${JSON.stringify(text)}: expected key=value`);
  const [, type = "", platform, key, value] = match;
  if (type === "index-descriptor") {
    throw new CommandError(`"${type}" annotations are invalid while creating an image`);
  }
  if (type !== "index" && type !== "manifest-descriptor") {
    throw new CommandError(`"${type}" annotations are not supported yet`);
  }
  return { on: type, ...(platform !== undefined && { platform }), key: key!, value: value! };
}

/**
 * The index of all that the sources hold; a single index without further words stays as it is, byte by byte.
 * What comes twice counts once, with what the later one says of its platform.
 */
export async function combine(
  registries: Registries,
  sources: readonly Source[],
  annotations: readonly Annotation[],
): Promise<{ mediaType: string; bytes: Uint8Array }> {
  const [only] = sources;
  if (sources.length === 1 && annotations.length === 0 && !isManifest(only!.document.content)) {
    return { mediaType: only!.document.content.mediaType, bytes: only!.document.bytes };
  }
  const found = new Map<string, WrittenDescriptor>();
  let oci = annotations.some(({ on }) => on === "index");
  for (const source of sources) {
    for (const descriptor of await descriptorsOf(registries, source)) {
      const before = found.get(descriptor.digest);
      const platform = { ...before?.platform, ...descriptor.platform } as WrittenPlatform;
      const words = { ...before?.annotations, ...descriptor.annotations };
      found.set(descriptor.digest, {
        ...before,
        ...descriptor,
        ...(Object.keys(platform).length > 0 && { platform }),
        ...(Object.keys(words).length > 0 && { annotations: words }),
      });
      oci ||= descriptor.mediaType === MEDIA_TYPE.ociManifest || descriptor.mediaType === MEDIA_TYPE.ociIndex;
    }
  }
  const manifests = [...found.values()];
  const own: Record<string, string> = {};
  for (const { on, platform, key, value } of annotations) {
    if (on === "index") own[key] = value;
    else {
      const wanted = platform === undefined ? undefined : platform;
      for (const each of manifests) {
        if (wanted !== undefined && formatPlatform(each.platform ?? { os: "", architecture: "" }) !== wanted)
          continue;
        each.annotations = { ...each.annotations, [key]: value };
      }
    }
  }
  const mediaType = oci ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.dockerManifestList;
  const index = {
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map(ociDescriptor),
    ...(Object.keys(own).length > 0 && { annotations: own }),
  };
  return { mediaType, bytes: new TextEncoder().encode(JSON.stringify(index, null, 2)) };
}

async function descriptorsOf(registries: Registries, source: Source): Promise<WrittenDescriptor[]> {
  const { document, reference, said } = source;
  if (!isManifest(document.content)) return writtenManifests(document);
  const { Descriptor } = await describeSingle(registries, reference, "", document);
  const platform = said?.platform ?? normalised(Descriptor.platform!);
  return [{ ...Descriptor, ...(said?.annotations && { annotations: said.annotations }), platform }];
}

function normalised(platform: WrittenPlatform): WrittenPlatform {
  const { os, architecture, variant } = normalisePlatform(platform);
  const { variant: _, ...rest } = platform;
  return { ...rest, os, architecture, ...(variant !== undefined && { variant }) };
}
