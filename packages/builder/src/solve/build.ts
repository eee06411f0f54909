import type { BuildRequest, BuildResult, ProgressSink, SourceExcerpt } from "@berth/api/build";
import { invalidParameter, messageOf, newId, notImplemented } from "@berth/base";
import { isEmulated } from "@berth/linux";
import { formatPlatform, hostPlatform, type Platform, platformRank } from "@berth/spec";
import { BuildError } from "../build-error.ts";
import { exportCache, inlineCache } from "../cache/export.ts";
import { openImporters } from "../cache/import.ts";
import { describeOutline, describeTargets, placeOf, planOf } from "../describe/describe.ts";
import { type BuiltPlatform, baseImageOf } from "../export/built.ts";
import { checkNames, exportResults, exportWork } from "../export/export.ts";
import type { LayerDigests } from "../export/layer-digests.ts";
import { lintDockerfile } from "../graph/build.ts";
import type { BuildGraph, LintWarning, SourceRange } from "../graph/operation.ts";
import { rangesOf } from "../parse/error.ts";
import type { ContextParts } from "../sources/contexts.ts";
import { Contexts } from "../sources/contexts.ts";
import { graphOptions, platformsOf } from "./graph-input.ts";
import { BaseImages } from "./images.ts";
import { type LoadedDockerfile, loadDockerfile } from "./load-dockerfile.ts";
import type { BuilderContext, BuildScope } from "./scope.ts";
import { Solver } from "./solver.ts";
import { Steps } from "./steps.ts";

const LINT_URL = "https://docs.docker.com/go/dockerfile/rule/";

/** One build from request to result. @throws as `Builder.build` */
export async function runBuild(
  context: BuilderContext,
  contextParts: ContextParts,
  digests: LayerDigests,
  request: BuildRequest,
  report: ProgressSink,
  outer: AbortSignal,
  onSteps: (steps: Steps) => void,
): Promise<BuildResult> {
  if (request.squash === true) {
    throw invalidParameter("squash is only supported with experimental mode", {
      hint: "Copy the result of a stage into another one: COPY --from=stage / /",
    });
  }
  checkNames(request.exporters ?? []);
  const abort = new AbortController();
  const signal = AbortSignal.any([outer, abort.signal]);
  const steps = new Steps(report);
  onSteps(steps);
  using hold = context.parts.images.hold();
  using cacheHold = context.cache.hold();
  await using contexts = new Contexts(contextParts, request);
  const images = new BaseImages({
    parts: context.parts,
    steps,
    hold,
    pull: request.pull === true,
    auth: request.auth,
    layout: async (name, step, until) => {
      const source = contexts.source(name);
      if (source?.kind !== "oci-layout") return undefined;
      const tree = await contexts.treeOf(`layout ${name}`, source.source, { excludes: [] }, step, until);
      return { folder: tree.path, selector: source.reference };
    },
  });
  const file = await loadDockerfile(request, contexts, steps, signal);
  const importers = await openImporters(context.parts, request, steps, () => contexts.scratch(), signal);
  const scope: BuildScope = {
    context,
    request,
    steps,
    contexts,
    hold,
    cacheHold,
    signal,
    epoch: undefined,
    importers,
    baseImages: images,
  };
  if (request.call === "check") return await check(scope, file, images);
  if (request.call !== undefined) return describe(request, file);

  tellPlan(request, file);
  const platforms = platformsOf(request);
  const work = platforms.map((platform) => buildPlatform(scope, file, platform, images));
  let built: BuiltPlatform[];
  try {
    built = await Promise.all(work);
  } catch (error) {
    // Nothing of it goes on when this returns.
    abort.abort(error);
    await Promise.allSettled(work);
    throw error;
  }
  const epoch = epochOf(request, built[0]?.graph);
  const cacheTo = request.cacheTo ?? [];
  const exporting = exportWork({ ...scope, epoch }, built, digests, (each) => inlineCache(cacheTo, each));
  const result = await exportResults(exporting);
  const told = await exportCache(exporting, digests);
  context.cache.touch(new Set(built.flatMap((each) => each.solved.results)));
  return {
    ref: request.ref ?? newId(),
    ...result,
    exporterResponse: { ...result.exporterResponse, ...told },
    steps: steps.explanations(),
  };
}

async function buildPlatform(
  scope: BuildScope,
  file: LoadedDockerfile,
  platform: Platform,
  images: BaseImages,
): Promise<BuiltPlatform> {
  const { request, signal, steps, contexts } = scope;
  let graph: BuildGraph;
  try {
    const options = graphOptions(request, platform, file.excludes, images, signal);
    graph = await scope.context.graphs.graphOf(file.text, options);
  } catch (error) {
    throw withPlace(error, file);
  }
  warn(steps, graph.warnings, file);
  for (const node of graph.nodes) if (node.type === "run") checkRunnable(node.platform);
  const lines = file.text.split("\n");
  const solver = new Solver(
    { ...scope, epoch: epochOf(request, graph) },
    graph,
    formatPlatform(platform),
    (node) => (node.location === undefined ? undefined : excerpt(file, node.location, lines)),
  );
  return {
    platform,
    dockerfile: file,
    graph,
    solved: await solver.solve().catch((error) => {
      if (error instanceof BuildError && error.source !== undefined)
        error.source = { ...error.source, whole: file.text };
      throw error;
    }),
    base: baseImageOf(graph),
    all: () => solver.results,
    scans: () =>
      Promise.all(
        graph.scans.map(async ({ name, node }) => ({ name, chain: (await solver.solve(node)).chain })),
      ),
    sources: () => [...contexts.sources(), ...solver.sources],
  };
}

/** Times are cut unless the client says otherwise. */
function epochOf(request: BuildRequest, graph: BuildGraph | undefined): number | undefined {
  return request.sourceDateEpoch ?? graph?.sourceDateEpoch;
}

/** @throws not-implemented when neither this machine nor an emulator runs programs of the platform */
function checkRunnable(platform: Platform): void {
  const host = hostPlatform();
  if (platformRank(host, platform) >= 0 || (host.architecture === "amd64" && platform.architecture === "386"))
    return;
  if (platform.os === "linux" && isEmulated(platform.architecture)) return;
  throw notImplemented(
    `RUN for ${formatPlatform(platform)} cannot be executed on ${formatPlatform(host)}: exec format error`,
    {
      hint: `Install qemu-user-static and binfmt-support, so that the kernel runs programs of ${platform.architecture}.`,
    },
  );
}

/** Nothing for a file that has mistakes: they are told when it is built. */
function tellPlan({ onPlan, target = "", buildArgs = {} }: BuildRequest, file: LoadedDockerfile): void {
  if (onPlan === undefined) return;
  let plan: ReturnType<typeof planOf> = { instructions: [], unconsumed: [] };
  try {
    plan = planOf(file.text, target, Object.keys(buildArgs));
  } catch {}
  onPlan(plan.instructions, plan.unconsumed);
}

function describe(request: BuildRequest, file: LoadedDockerfile): BuildResult {
  try {
    if (file.text === "") throw invalidParameter("the Dockerfile cannot be empty");
    const { target = "", buildArgs = {} } = request;
    const given: Record<string, string> = {};
    for (const [name, value] of Object.entries(buildArgs)) if (value !== null) given[name] = value;
    const { json, text } =
      request.call === "targets"
        ? describeTargets(file.text)
        : describeOutline(file.text, { target, buildArgs: given });
    const response = {
      "result.json": JSON.stringify({ ...json, sources: [sourceOf(file).data] }),
      "result.txt": text,
    };
    return { ref: request.ref ?? newId(), exporterResponse: response, steps: [] };
  } catch (error) {
    throw withPlace(error, file);
  }
}

/** BuildKit's SourceInfo. */
function sourceOf({ name, text }: LoadedDockerfile) {
  return { filename: name, language: "Dockerfile", data: Buffer.from(text).toString("base64") };
}

async function check(scope: BuildScope, file: LoadedDockerfile, images: BaseImages): Promise<BuildResult> {
  const { request, signal, steps } = scope;
  const [platform] = platformsOf(request);
  const options = graphOptions(request, platform as Platform, file.excludes, images, signal);
  const { warnings, error } = await lintDockerfile(file.text, options);
  warn(steps, warnings, file);
  if (error !== undefined) throw withPlace(error, file);
  const result = {
    "frontend.lint.count": String(warnings.length),
    "result.statuscode": warnings.length > 0 ? "1" : "0",
    "result.json": JSON.stringify({
      warnings: warnings.map(({ rule, description, detail, location }) => ({
        ruleName: rule,
        description,
        url: `${LINT_URL}${kebab(rule)}/`,
        detail,
        location: location === undefined ? undefined : placeOf(location),
      })),
      sources: [sourceOf(file)],
    }),
  };
  return { ref: request.ref ?? newId(), exporterResponse: result, steps: [] };
}

function warn(steps: Steps, warnings: readonly LintWarning[], file: LoadedDockerfile): void {
  if (warnings.length === 0) return;
  const vertex = steps.vertices()[0]?.digest;
  if (vertex === undefined) return;
  for (const { rule, description, detail, location } of warnings) {
    const line = location === undefined ? "" : ` (line ${location.start})`;
    steps.warn(
      vertex,
      `${rule}: ${detail}${line}`,
      [description],
      `${LINT_URL}${kebab(rule)}/`,
      location === undefined ? undefined : { ...excerpt(file, location), whole: file.text },
    );
  }
}

function kebab(rule: string): string {
  return rule
    .replace(/([a-z])([A-Z])/g, "$1-$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();
}

function excerpt(
  file: LoadedDockerfile,
  { start, end }: SourceRange,
  lines = file.text.split("\n"),
): SourceExcerpt {
  const text = lines.slice(start - 1, end).join("\n");
  return { file: file.name, startLine: start, endLine: end, text };
}

/** A mistake in the Dockerfile, or an image that is not found, with its lines. */
function withPlace(error: unknown, file: LoadedDockerfile): unknown {
  const [range] = rangesOf(error);
  if (range === undefined || error instanceof BuildError) return error;
  const { kind = "system", hint } = error as { kind?: BuildError["kind"]; hint?: string };
  return new BuildError(messageOf(error), {
    kind,
    source: { ...excerpt(file, range), whole: file.text },
    ...(hint !== undefined && { hint }),
    cause: error,
  });
}
