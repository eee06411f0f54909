import { encoded, sha256 } from "@berth/base";
import { type Descriptor, familiarReference, formatPlatform, MEDIA_TYPE, type Platform } from "@berth/spec";
import type { BuiltPlatform } from "../export/built.ts";
import { documentOf, type ExportDocument } from "../export/document.ts";
import type { ExportImage } from "../export/image-config.ts";
import { namesOf } from "../export/store-image.ts";
import type { BuildScope } from "../solve/scope.ts";
import { findPackages } from "./packages.ts";
import { provenanceOf, SLSA_PROVENANCE } from "./provenance.ts";
import { SPDX, spdxOf } from "./spdx.ts";

const IN_TOTO = "application/vnd.in-toto+json";
const STATEMENT = "https://in-toto.io/Statement/v0.1";
const NO_PLATFORM: Platform = { os: "unknown", architecture: "unknown" };

export interface Attestation {
  manifest: ExportDocument;
  config: ExportDocument;
  statements: ExportDocument[];
}

/** The manifest that carries what is said about an image, as BuildKit puts it into an index (docs/attestations/attestation-storage.md). */
export async function attestationManifest(
  scope: BuildScope,
  built: BuiltPlatform,
  image: ExportImage,
  subject: Descriptor,
): Promise<Attestation> {
  const { attestations = {} } = scope.request;
  const subjects = subjectsOf(scope, built, subject);
  const statements: ExportDocument[] = [];
  const add = (type: string, predicate: unknown) => {
    const statement = { _type: STATEMENT, predicateType: type, subject: subjects, predicate };
    statements.push(documentOf(IN_TOTO, statement, { annotations: { "in-toto.io/predicate-type": type } }));
  };
  if (attestations.sbom !== undefined) {
    const { snapshots } = scope.context.parts;
    const packages = await findPackages(snapshots, built.solved.chain, scope.signal);
    add(SPDX, spdxOf(packages, subjects[0]?.name ?? "image", image.config.created ?? ""));
  }
  if (attestations.provenance !== undefined) {
    add(SLSA_PROVENANCE, provenanceOf(scope, built, attestations.provenance.mode === "max"));
  }
  const config = documentOf(MEDIA_TYPE.ociConfig, {
    ...NO_PLATFORM,
    config: {},
    rootfs: { type: "layers", diff_ids: statements.map(({ bytes }) => sha256(bytes)) },
  });
  const manifest = documentOf(
    MEDIA_TYPE.ociManifest,
    {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      config: config.descriptor,
      layers: statements.map(({ descriptor }) => descriptor),
    },
    {
      platform: NO_PLATFORM,
      annotations: {
        "vnd.docker.reference.digest": subject.digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
    },
  );
  return { manifest, config, statements };
}

function subjectsOf(scope: BuildScope, built: BuiltPlatform, subject: Descriptor) {
  const digest = { sha256: encoded(subject.digest) };
  const platform = encodeURIComponent(formatPlatform(built.platform));
  const names = (scope.request.exporters ?? []).flatMap(({ attributes }) => namesOf(attributes.name));
  if (names.length === 0) return [{ name: "_", digest }];
  return names.map((name) => {
    const { domain, path, tag = "latest" } = name;
    const repository = familiarReference({ domain, path });
    return { name: `pkg:docker/${repository}@${tag}?platform=${platform}`, digest };
  });
}
