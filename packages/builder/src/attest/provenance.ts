import { encoded } from "@berth/base";
import { familiarReference, formatPlatform, hostPlatform, parseReference } from "@berth/spec";
import type { BuiltPlatform } from "../export/built.ts";
import type { BuildScope } from "../solve/scope.ts";

/** SLSA provenance 0.2 (https://slsa.dev/provenance/v0.2), which BuildKit writes. */
export const SLSA_PROVENANCE = "https://slsa.dev/provenance/v0.2";
const BUILD_TYPE = "https://mobyproject.org/buildkit@v1";

/** `max`: with build arguments and the Dockerfile; secrets are named only. */
export function provenanceOf(scope: BuildScope, built: BuiltPlatform, max: boolean) {
  const { request } = scope;
  const platform = formatPlatform(hostPlatform());
  const dockerfile =
    request.dockerfile.kind === "file" ? request.dockerfile.path : (request.dockerfile.name ?? "Dockerfile");
  const materials = built.graph.images.map(({ reference, digest, platform: each }) => {
    const name = familiarReference(parseReference(reference.replace(/@.*$/, "")));
    const colon = name.lastIndexOf(":");
    const query = `?platform=${encodeURIComponent(formatPlatform(each))}`;
    return {
      uri: `pkg:docker/${colon > name.lastIndexOf("/") ? `${name.slice(0, colon)}@${name.slice(colon + 1)}` : name}${query}`,
      digest: { sha256: encoded(digest) },
    };
  });
  const args: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.buildArgs ?? {}))
    if (value !== null) args[`build-arg:${name}`] = value;
  for (const [name, value] of Object.entries(request.labels ?? {})) args[`label:${name}`] = value;
  if (request.target) args.target = request.target;
  const secrets = built.graph.nodes.flatMap((node) =>
    node.type === "run"
      ? node.mounts.flatMap((mount) =>
          mount.type === "secret" ? [{ id: mount.id, optional: !mount.required }] : [],
        )
      : [],
  );
  // Times would make two builds of the same thing differ.
  const times =
    scope.epoch === undefined
      ? { buildStartedOn: startOf(scope), buildFinishedOn: new Date().toISOString() }
      : {};
  return {
    builder: { id: "" },
    buildType: BUILD_TYPE,
    materials,
    invocation: {
      configSource: { entryPoint: dockerfile },
      parameters: {
        frontend: "dockerfile.v0",
        ...(max && Object.keys(args).length > 0 && { args }),
        ...(max && secrets.length > 0 && { secrets }),
        locals: [{ name: "context" }, { name: "dockerfile" }],
      },
      environment: { platform },
    },
    metadata: {
      ...(scope.epoch === undefined && { buildInvocationID: request.ref }),
      ...times,
      completeness: { parameters: max, environment: true, materials: false },
      reproducible: scope.epoch !== undefined,
      "https://mobyproject.org/buildkit@v1#metadata": {},
    },
  };
}

function startOf(scope: BuildScope): string {
  const [first] = scope.steps.vertices();
  const started = first?.started ?? 0n;
  return new Date(Number(started / 1_000_000n)).toISOString();
}
