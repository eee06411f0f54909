import { encoded } from "@berth/base";
import { familiarReference, formatPlatform, hostPlatform, parseReference } from "@berth/spec";
import type { BuiltPlatform } from "../export/built.ts";
import { flagOf } from "../export/flag.ts";
import type { BuildScope } from "../solve/scope.ts";

/** https://slsa.dev/provenance/v0.2, which BuildKit writes unless it is asked for `version=v1`. */
const SLSA_02 = "https://slsa.dev/provenance/v0.2";
const SLSA_1 = "https://slsa.dev/provenance/v1";
const BUILD_TYPE_02 = "https://mobyproject.org/buildkit@v1";
const BUILD_TYPE_1 = "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md";

/**
 * Where an image comes from. `options` are those of `--provenance`: `mode=max` adds build arguments, names of secrets and the
 * Dockerfile; `version=v1` is the newer form.
 */
export function provenanceOf(
  scope: BuildScope,
  built: BuiltPlatform,
  options: Readonly<Record<string, string>>,
): { type: string; predicate: unknown } {
  const max = options.mode === "max";
  const facts = {
    builder: { id: options["builder-id"] ?? "" },
    materials: materialsOf(built),
    parameters: parametersOf(scope, built, max),
    configSource: configSourceOf(scope),
    platform: formatPlatform(hostPlatform()),
    times: timesOf(scope),
    reproducible: flagOf(options, "reproducible", scope.epoch !== undefined),
    metadata: metadataOf(scope, built, max),
    max,
  };
  return options.version === "v1"
    ? { type: SLSA_1, predicate: inVersion1(scope, facts) }
    : { type: SLSA_02, predicate: inVersion02(scope, facts) };
}

interface Facts {
  builder: { id: string };
  materials: unknown[];
  parameters: unknown;
  configSource: unknown;
  platform: string;
  times: { started: string; finished: string } | undefined;
  reproducible: boolean;
  metadata: Record<string, unknown>;
  max: boolean;
}

function inVersion02({ request }: BuildScope, facts: Facts) {
  const { builder, materials, parameters, configSource, platform, times, reproducible, metadata, max } =
    facts;
  return {
    builder,
    buildType: BUILD_TYPE_02,
    materials,
    invocation: { configSource, parameters, environment: { platform } },
    metadata: {
      ...(times && {
        buildInvocationID: request.ref,
        buildStartedOn: times.started,
        buildFinishedOn: times.finished,
      }),
      completeness: { parameters: max, environment: true, materials: false },
      reproducible,
      "https://mobyproject.org/buildkit@v1#metadata": metadata,
    },
  };
}

function inVersion1({ request }: BuildScope, facts: Facts) {
  const { builder, materials, parameters, configSource, platform, times, reproducible, metadata, max } =
    facts;
  return {
    buildDefinition: {
      buildType: BUILD_TYPE_1,
      externalParameters: { configSource, request: parameters },
      internalParameters: { builderPlatform: platform },
      resolvedDependencies: materials,
    },
    runDetails: {
      builder,
      metadata: {
        ...(times && {
          invocationId: request.ref,
          startedOn: times.started,
          finishedOn: times.finished,
        }),
        buildkit_metadata: metadata,
        buildkit_completeness: { request: max, resolvedDependencies: false },
        buildkit_reproducible: reproducible,
      },
    },
  };
}

function materialsOf(built: BuiltPlatform): unknown[] {
  const images = built.graph.images.map(({ reference, digest, platform }) => {
    const name = familiarReference(parseReference(reference.replace(/@.*$/, "")));
    const colon = name.lastIndexOf(":");
    const tagged = colon > name.lastIndexOf("/");
    const query = `?platform=${encodeURIComponent(formatPlatform(platform))}`;
    return {
      uri: `pkg:docker/${tagged ? `${name.slice(0, colon)}@${name.slice(colon + 1)}` : name}${query}`,
      digest: { sha256: encoded(digest) },
    };
  });
  const others = new Map(built.sources().map((source) => [JSON.stringify(source), source]));
  return [...images, ...others.values()];
}

function parametersOf({ request }: BuildScope, built: BuiltPlatform, max: boolean) {
  const args: Record<string, string> = {};
  if (max) {
    for (const [name, value] of Object.entries(request.buildArgs ?? {}))
      if (value !== null) args[`build-arg:${name}`] = value;
    for (const [name, value] of Object.entries(request.labels ?? {})) args[`label:${name}`] = value;
  }
  if (request.target) args.target = request.target;
  const mounts = built.graph.nodes.flatMap((node) => (node.type === "run" ? node.mounts : []));
  const named = (type: "secret" | "ssh") => {
    const found = new Map<string, { id: string; optional: boolean }>();
    for (const mount of mounts) {
      if (mount.type === type) found.set(mount.id, { id: mount.id, optional: !mount.required });
    }
    return [...found.values()];
  };
  const [secrets, ssh] = [named("secret"), named("ssh")];
  return {
    frontend: "dockerfile.v0",
    ...(Object.keys(args).length > 0 && { args }),
    ...(max && secrets.length > 0 && { secrets }),
    ...(max && ssh.length > 0 && { ssh }),
    locals: [{ name: "context" }, { name: "dockerfile" }],
  };
}

function configSourceOf({ request, contexts }: BuildScope) {
  const { dockerfile, context } = request;
  const entryPoint = dockerfile.kind === "file" ? dockerfile.path : (dockerfile.name ?? "Dockerfile");
  const [remote] = context?.kind === "git" || context?.kind === "http" ? contexts.sources() : [];
  return { ...remote, entryPoint };
}

/** Times would make two builds of the same thing differ. */
function timesOf(scope: BuildScope): Facts["times"] {
  if (scope.epoch !== undefined) return undefined;
  const [first] = scope.steps.vertices();
  const started = new Date(Number((first?.started ?? 0n) / 1_000_000n)).toISOString();
  return { started, finished: new Date().toISOString() };
}

/** BuildKit's own additions: what the client said of the repository, and with `mode=max` the Dockerfile. */
function metadataOf({ request }: BuildScope, built: BuiltPlatform, max: boolean): Record<string, unknown> {
  const vcs: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.attributes ?? {})) {
    if (name.startsWith("vcs:")) vcs[name.slice("vcs:".length)] = value;
  }
  const { name, text } = built.dockerfile;
  const infos = [{ filename: name, language: "Dockerfile", data: Buffer.from(text).toString("base64") }];
  return {
    ...(Object.keys(vcs).length > 0 && { vcs }),
    ...(max && { source: { infos } }),
  };
}
