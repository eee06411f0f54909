import { encoded, sha256 } from "@berth/base";
import { type Descriptor, familiarReference, formatPlatform, MEDIA_TYPE, type Platform } from "@berth/spec";
import type { BuiltPlatform } from "../export/built.ts";
import { documentOf, type ExportDocument } from "../export/document.ts";
import type { ExportImage } from "../export/image-config.ts";
import { namesOf } from "../export/store-image.ts";
import type { BuildScope } from "../solve/scope.ts";
import { statementsOf } from "./statements.ts";

const IN_TOTO = "application/vnd.in-toto+json";
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
  const subjects = subjectsOf(scope, built, subject);
  const said = await statementsOf(scope, built, subjects, image.config.created ?? "", true);
  const statements = said.map(({ predicateType, body }) =>
    documentOf(IN_TOTO, body, { annotations: { "in-toto.io/predicate-type": predicateType } }),
  );
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
