import type { BuiltPlatform } from "../export/built.ts";
import { flagOf } from "../export/flag.ts";
import type { BuildScope } from "../solve/scope.ts";
import { findPackages } from "./packages.ts";
import { provenanceOf } from "./provenance.ts";
import { SPDX, spdxOf } from "./spdx.ts";

const STATEMENT = "https://in-toto.io/Statement/v0.1";

/** What a statement is about. */
export interface Subject {
  name: string;
  digest: Record<string, string>;
}

export interface Statement {
  /** Name of its file where results are files. */
  file: string;
  predicateType: string;
  /** https://github.com/in-toto/attestation */
  body: unknown;
}

/** True when something is to be said. `inline`: about an image, whose index holds it. */
export function hasStatements({ request }: BuildScope, inline: boolean): boolean {
  const { sbom, provenance } = request.attestations ?? {};
  return sbom !== undefined || (provenance !== undefined && (inline || !isInlineOnly(provenance)));
}

const isInlineOnly = (options: Readonly<Record<string, string>>) => flagOf(options, "inline-only", false);

/** The statements about what was built for one platform: packages first, then where it comes from. */
export async function statementsOf(
  scope: BuildScope,
  built: BuiltPlatform,
  subject: readonly Subject[],
  created: string,
  inline: boolean,
): Promise<Statement[]> {
  const { sbom, provenance } = scope.request.attestations ?? {};
  const { snapshots } = scope.context.parts;
  const statements: Statement[] = [];
  const add = (file: string, predicateType: string, predicate: unknown) => {
    const body = { _type: STATEMENT, predicateType, subject, predicate };
    statements.push({ file, predicateType, body });
  };
  if (sbom !== undefined) {
    const packages = await findPackages(snapshots, built.solved.chain, scope.signal);
    add("sbom.spdx.json", SPDX, spdxOf(packages, subject[0]?.name ?? "image", created));
    for (const { name, chain } of await built.scans()) {
      const found = await findPackages(snapshots, chain, scope.signal);
      add(`sbom-${name}.spdx.json`, SPDX, spdxOf(found, name, created));
    }
  }
  if (provenance !== undefined && (inline || !isInlineOnly(provenance))) {
    const { type, predicate } = provenanceOf(scope, built, provenance);
    add("provenance.json", type, predicate);
  }
  return statements;
}
