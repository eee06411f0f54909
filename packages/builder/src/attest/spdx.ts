import { sha256 } from "@berth/base";
import type { FoundPackage } from "./packages.ts";

export const SPDX = "https://spdx.dev/Document";

/** SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/) of an image's packages. The same packages give the same document. */
export function spdxOf(packages: readonly FoundPackage[], name: string, created: string) {
  const namespace = sha256(JSON.stringify([name, packages.map(({ purl }) => purl)])).slice("sha256:".length);
  const root = "SPDXRef-DocumentRoot-Image";
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name,
    documentNamespace: `https://berth.invalid/spdx/${namespace}`,
    creationInfo: {
      creators: ["Organization: Berth", "Tool: berth"],
      created: created.replace(/\.\d+Z$/, "Z"),
    },
    packages: [
      {
        name,
        SPDXID: root,
        downloadLocation: "NOASSERTION",
        filesAnalyzed: false,
        primaryPackagePurpose: "CONTAINER",
      },
      ...packages.map((each) => ({
        name: each.name,
        SPDXID: idOf(each),
        versionInfo: each.version,
        downloadLocation: "NOASSERTION",
        filesAnalyzed: false,
        sourceInfo: `acquired package info from ${each.source}`,
        licenseConcluded: "NOASSERTION",
        licenseDeclared:
          each.license !== undefined && /^[A-Za-z0-9.+() -]+$/.test(each.license)
            ? each.license
            : "NOASSERTION",
        copyrightText: "NOASSERTION",
        externalRefs: [
          { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: each.purl },
        ],
      })),
    ],
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relatedSpdxElement: root, relationshipType: "DESCRIBES" },
      ...packages.map((each) => ({
        spdxElementId: root,
        relatedSpdxElement: idOf(each),
        relationshipType: "CONTAINS",
      })),
    ],
  };
}

function idOf(found: FoundPackage): string {
  return `SPDXRef-Package-${sha256(found.purl).slice("sha256:".length, 23)}`;
}
