import { type Digest, invalidParameter } from "@berth/base";
import {
  type ImageConfigFile,
  JsonReader,
  MAX_CONFIG_BYTES,
  MAX_LAYERS,
  parseImageConfig,
  parseReference,
  type Reference,
} from "@berth/spec";
import type { LayerSource } from "../layers/unpack.ts";
import type { ArchiveMembers } from "./archive-members.ts";

/** An image as it was found in an archive. */
export interface FoundImage {
  /** Exact bytes; their digest is the id. */
  configBytes: Uint8Array;
  config: ImageConfigFile;
  layers: LayerSource[];
  names: Reference[];
  parent: Digest | undefined;
}

const MAX_MANIFEST = 16 << 20;
const MAX_IMAGES = 1000;
const MAX_NAMES = 1000;

export const DOCKER_MANIFEST = "manifest.json";

interface Entry {
  config: string;
  names: Reference[];
  layers: string[];
  parent: Digest | undefined;
}

/** Reads the format of `docker save`: `manifest.json` says which files are what. @throws invalid-parameter. */
export async function readDockerArchive(members: ArchiveMembers): Promise<(() => Promise<FoundImage>)[]> {
  const json = JsonReader.parse(
    await members.bytes(DOCKER_MANIFEST, MAX_MANIFEST),
    DOCKER_MANIFEST,
    MAX_MANIFEST,
  );
  const entries = json.list(MAX_IMAGES).map(readEntry);
  return entries.map((entry) => () => readImage(members, entry));
}

function readEntry(json: JsonReader): Entry {
  const names = json.get("RepoTags").optionalTexts(MAX_NAMES) ?? [];
  return {
    config: json.get("Config").text(),
    names: names.map(readName),
    layers: json.get("Layers").optionalTexts(MAX_LAYERS) ?? [],
    parent: json.get("Parent").optionalText() ? json.get("Parent").digest() : undefined,
  };
}

function readName(text: string): Reference {
  const reference = parseReference(text);
  if (reference.tag === undefined || reference.digest !== undefined) {
    throw invalidParameter(`invalid tag ${JSON.stringify(text)}`);
  }
  return reference;
}

async function readImage(members: ArchiveMembers, entry: Entry): Promise<FoundImage> {
  const configBytes = await members.bytes(entry.config, MAX_CONFIG_BYTES);
  const config = parseImageConfig(configBytes);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== entry.layers.length) {
    throw invalidParameter(
      `invalid manifest, layers length mismatch: expected ${entry.layers.length}, got ${diffIds.length}`,
    );
  }
  const layers: LayerSource[] = [];
  for (const [n, path] of entry.layers.entries()) {
    layers.push({ diffId: diffIds[n]!, blob: (await members.blob(path)).digest });
  }
  return { configBytes, config, layers, names: entry.names, parent: entry.parent };
}
