import { RegistryError } from "../errors.ts";
import { type ContentDigest, isContentDigest } from "../names.ts";

export interface DocumentDescriptor {
  mediaType: string;
  digest: ContentDigest;
  size: number;
  /** Where it may lie instead: Docker's foreign layers. */
  urls: readonly string[];
}

/** What a registry needs to know of a manifest or an index. */
export interface ManifestDocument {
  mediaType: string;
  /** Configuration and layers of a manifest. */
  blobs: DocumentDescriptor[];
  /** Entries of an index. */
  manifests: DocumentDescriptor[];
  subject?: DocumentDescriptor;
  /** As the referrers API shows it. */
  artifactType?: string;
  annotations?: Record<string, string>;
}

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const MANIFEST_TYPES = new Set([OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"]);
const INDEX_TYPES = new Set([OCI_INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"]);
const MOST_DESCRIPTORS = 20_000;

type Json = Record<string, unknown>;

const invalid = (detail: string) => new RegistryError("MANIFEST_INVALID", { detail });

/**
 * Reads a manifest or index of OCI or of Docker's schema 2.
 * @param declared the request's Content-Type; without one the document must name its type or be of OCI.
 * @throws MANIFEST_INVALID.
 */
export function readManifestDocument(bytes: Uint8Array, declared?: string): ManifestDocument {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw invalid("not a JSON document");
  }
  if (!isObject(json)) throw invalid("not a JSON object");
  if (json.schemaVersion !== 2) throw invalid("only schemaVersion 2 is supported");
  const own = json.mediaType;
  if (own !== undefined && typeof own !== "string") throw invalid("mediaType is not a string");
  const isIndex = json.manifests !== undefined;
  const isManifest = json.config !== undefined || json.layers !== undefined;
  // A document that is both could be read in two ways by two programs (CVE-2021-41190).
  if (isIndex && isManifest) throw invalid("both a manifest and an index");
  const mediaType = own ?? declared ?? (isIndex ? OCI_INDEX : OCI_MANIFEST);
  if (declared !== undefined && declared !== mediaType)
    throw invalid(`its mediaType is ${mediaType.slice(0, 200)}, the request's ${declared.slice(0, 200)}`);
  const annotations = annotationsOf(json);
  const subject = json.subject === undefined || json.subject === null ? undefined : descriptor(json.subject);
  const artifactType = typeof json.artifactType === "string" ? json.artifactType : undefined;
  const common = {
    mediaType,
    ...(subject !== undefined && { subject }),
    ...(annotations !== undefined && { annotations }),
  };
  if (INDEX_TYPES.has(mediaType)) {
    if (!isIndex) throw invalid("an index without manifests");
    return {
      ...common,
      blobs: [],
      manifests: descriptors(json.manifests, "manifests"),
      ...(artifactType !== undefined && { artifactType }),
    };
  }
  if (!MANIFEST_TYPES.has(mediaType)) throw invalid(`unsupported mediaType ${mediaType.slice(0, 200)}`);
  if (isIndex) throw invalid("a manifest with manifests");
  if (json.config === undefined) throw invalid("a manifest without config");
  const config = descriptor(json.config);
  return {
    ...common,
    blobs: [config, ...descriptors(json.layers ?? [], "layers")],
    manifests: [],
    artifactType: artifactType !== undefined && artifactType !== "" ? artifactType : config.mediaType,
  };
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function descriptors(value: unknown, what: string): DocumentDescriptor[] {
  if (!Array.isArray(value)) throw invalid(`${what} is not a list`);
  if (value.length > MOST_DESCRIPTORS) throw invalid(`more than ${MOST_DESCRIPTORS} ${what}`);
  return value.map(descriptor);
}

function descriptor(value: unknown): DocumentDescriptor {
  if (!isObject(value)) throw invalid("a descriptor is not an object");
  const { mediaType, digest, size, urls } = value;
  if (typeof mediaType !== "string") throw invalid("a descriptor without mediaType");
  if (typeof digest !== "string" || !isContentDigest(digest))
    throw invalid("a descriptor without a valid digest");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw invalid("a descriptor without a valid size");
  if (
    urls !== undefined &&
    urls !== null &&
    !(Array.isArray(urls) && urls.every((each) => typeof each === "string"))
  )
    throw invalid("the urls of a descriptor are not texts");
  return { mediaType, digest, size, urls: (urls as string[] | null | undefined) ?? [] };
}

function annotationsOf(json: Json): Record<string, string> | undefined {
  const { annotations } = json;
  if (annotations === undefined || annotations === null) return undefined;
  if (!isObject(annotations) || Object.values(annotations).some((value) => typeof value !== "string"))
    throw invalid("annotations are not texts");
  return annotations as Record<string, string>;
}

/** A descriptor as the referrers API gives it. */
export interface Referrer {
  mediaType: string;
  digest: ContentDigest;
  size: number;
  artifactType?: string;
  annotations?: Record<string, string>;
}

/** How the list of what refers to its subject shows a manifest. */
export function referrerDescriptor(
  digest: ContentDigest,
  size: number,
  { mediaType, artifactType, annotations }: ManifestDocument,
): Referrer {
  return {
    mediaType,
    digest,
    size,
    ...(annotations !== undefined && { annotations }),
    ...(artifactType !== undefined && { artifactType }),
  };
}
