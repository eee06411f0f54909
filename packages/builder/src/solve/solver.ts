import type { SourceExcerpt } from "@berth/api/build";
import { type Digest, invalidParameter, messageOf, notFound } from "@berth/base";
import { chainIds, MAX_LAYERS } from "@berth/spec";
import { BuildError } from "../build-error.ts";
import type { StepResult } from "../cache/cache.ts";
import { keyOf } from "../cache/key.ts";
import type { StepLog } from "../exec/step-log.ts";
import { makesImage, type ResolvedSource } from "../export/built.ts";
import { inputsOf } from "../graph/node-list.ts";
import type { BuildGraph, GraphNode, ImageNode, NodeId } from "../graph/operation.ts";
import { type NewLayer, newLayer } from "../layers/new-layer.ts";
import type { FileTree } from "../sources/file-tree.ts";
import { HeadStart } from "./head-start.ts";
import { KeptFiles } from "./kept-files.ts";
import { openSource } from "./open-source.ts";
import type { BuildScope, NodeResult, Solved } from "./scope.ts";
import {
  type LayerStep,
  NO_LAYERS,
  type StepKeys,
  type StepOutcome,
  StepPlanner,
  type StepWork,
} from "./step-work.ts";
import type { Step } from "./steps.ts";

const TOO_DEEP = `An image has at most ${MAX_LAYERS} layers: make one step of several, or copy the result of a stage into another one.`;

/** What tells steps of one name apart. Graphs are kept for later builds (known-graphs.ts), each of one platform. */
const identities = new WeakMap<GraphNode, string>();

/** `listing`: of the layer `over`. */
type Patched = { over: Digest; listing: string };

/**
 * Executes the nodes of one graph that its target needs, each once, independent ones side by side; what the cache has is not
 * executed again.
 */
export class Solver {
  readonly #scope: BuildScope;
  readonly #graph: BuildGraph;
  readonly #file: (node: GraphNode) => SourceExcerpt | undefined;
  readonly #nodes = new Map<NodeId, Promise<NodeResult>>();
  readonly #steps = new Map<NodeId, Step>();
  readonly #platform: string;
  readonly #files: KeptFiles;
  readonly #planner: StepPlanner;
  readonly #results = new Set<StepResult>();
  readonly #sources: ResolvedSource[] = [];

  /** `file`: where in the Dockerfile a node is. `platform` tells graphs of one build apart. */
  constructor(
    scope: BuildScope,
    graph: BuildGraph,
    platform: string,
    file: (node: GraphNode) => SourceExcerpt | undefined,
  ) {
    this.#scope = scope;
    this.#graph = graph;
    this.#file = file;
    this.#platform = platform;
    this.#files = new KeptFiles(scope);
    this.#planner = new StepPlanner(scope, this.#files, (id) => this.#nameOf(id));
    for (const node of graph.nodes) this.#announce(node);
  }

  /** Results of all steps that were solved. */
  get results(): ReadonlySet<StepResult> {
    return this.#results;
  }

  /** Repositories and downloads that were read. */
  get sources(): readonly ResolvedSource[] {
    return this.#sources;
  }

  /** @throws BuildError for a step that fails */
  async solve(id: NodeId = this.#graph.target): Promise<Solved> {
    const result = await this.#node(id);
    return result.kind === "layers" ? result : await this.#asLayers(id, result.tree);
  }

  #announce(node: GraphNode): void {
    if (node.type === "scratch") return;
    const { id, type, name, ...definition } = node;
    const inputs = inputsOf(node)
      .map((input) => this.#steps.get(input)?.vertex.digest)
      .filter((digest) => digest !== undefined);
    const excerpt = this.#file(node);
    const numbers = /(\d+)\/(\d+)\] /.exec(name);
    const isInstruction = type === "run" || type === "copy" || type === "mkdir" || type === "image";
    const step =
      excerpt === undefined || !isInstruction
        ? undefined
        : {
            stage: node.stage ?? "",
            number: Number(numbers?.[1] ?? 0),
            total: Number(numbers?.[2] ?? 0),
            // The lines of a trigger are those of the FROM that it comes from.
            text: /\] (ONBUILD .*)$/s.exec(name)?.[1] ?? excerpt.text,
            source: excerpt,
          };
    let identity = identities.get(node);
    if (identity === undefined) {
      identity = keyOf(this.#platform, id, type, definition);
      identities.set(node, identity);
    }
    this.#steps.set(id, this.#scope.steps.add(name, { inputs, identity, ...(step && { step }) }));
  }

  #node(id: NodeId): Promise<NodeResult> {
    let result = this.#nodes.get(id);
    if (result === undefined) {
      const node = this.#graph.nodes[id];
      if (node === undefined) return Promise.reject(invalidParameter(`the build graph has no node ${id}`));
      result = this.#solveNode(node);
      result.catch(() => {});
      this.#nodes.set(id, result);
    }
    return result;
  }

  async #solveNode(node: GraphNode): Promise<NodeResult> {
    this.#scope.signal.throwIfAborted();
    switch (node.type) {
      case "scratch":
        return { kind: "layers", chain: [], key: NO_LAYERS, results: [] };
      case "image":
        return { kind: "layers", ...this.#image(node) };
      case "local":
      case "git":
      case "http": {
        const step = this.#steps.get(node.id) as Step;
        step.start();
        try {
          const tree = await openSource(this.#scope, node, step, (source) => this.#sources.push(source));
          step.done();
          return { kind: "files", tree };
        } catch (error) {
          throw this.#failure(node, step, error);
        }
      }
      default:
        return { kind: "layers", ...(await this.#layerStep(node)) };
    }
  }

  #image(node: ImageNode): Solved {
    const { parts } = this.#scope.context;
    const step = this.#steps.get(node.id) as Step;
    const chain = chainIds(node.diffIds);
    for (const layer of chain) this.#scope.hold.layer(layer);
    for (const layer of chain) {
      if (parts.snapshots.has(layer)) continue;
      const error = notFound(`layer ${layer} of ${node.reference} is not there`, {
        hint: "Pull or load the image again.",
      });
      throw this.#failure(node, step, error);
    }
    step.done({ cached: true, reason: "the image is here", result: node.digest });
    return { chain, key: keyOf("image", node.diffIds), results: [] };
  }

  /** Files as a layer on nothing: as the base of a stage. */
  #asLayers(id: NodeId, tree: FileTree): Promise<Solved> {
    return this.#files.whole(tree, this.#nameOf(id));
  }

  #nameOf(id: NodeId): string {
    return this.#graph.nodes[id]?.name ?? "files";
  }

  async #layerStep(node: LayerStep): Promise<Solved> {
    const step = this.#steps.get(node.id) as Step;
    const ids = inputsOf(node);
    const inputs = new Map<NodeId, NodeResult>();
    // All at once: what does not depend on one another is executed side by side.
    await Promise.all(ids.map(async (id) => void inputs.set(id, await this.#node(id))));
    const base = await this.solve(node.base);
    try {
      return await this.#solveStep(node, step, base, inputs);
    } catch (error) {
      throw this.#failure(node, step, error);
    }
  }

  async #solveStep(
    node: LayerStep,
    step: Step,
    base: Solved,
    inputs: ReadonlyMap<NodeId, NodeResult>,
  ): Promise<Solved> {
    const { context, request, cacheHold } = this.#scope;
    const { cache } = context;
    const work = await this.#planner.prepare(node, base, inputs);
    const { keys } = work;
    const ignoresCache = request.noCache === true || node.ignoreCache === true;
    const finish = (result: StepResult, cached: boolean, reason: string): Solved => {
      const chain = result.layer === undefined ? base.chain : [...base.chain, result.layer];
      if (chain.length > MAX_LAYERS) throw invalidParameter("max depth exceeded", { hint: TOO_DEEP });
      cacheHold.add(result);
      this.#results.add(result);
      step.done({ cached, reason, result: result.layer ?? base.chain.at(-1) ?? "" });
      return { chain, key: result.canonical, results: [...base.results, result] };
    };
    if (!ignoresCache && keys.quick !== undefined) {
      const found = cache.find(keys.quick, keys.inputs);
      if (found !== undefined)
        return finish(found, true, "the same instruction was executed on the same layers");
    }
    await using begun = await this.#begin(node, work, ignoresCache);
    const canonical = await keys.canonical();
    if (!ignoresCache) {
      const found = cache.find(canonical, keys.inputs);
      if (found !== undefined) {
        if (keys.quick !== undefined) cache.addKey(keys.quick, found);
        const what = node.type === "copy" ? "copied the same files onto" : "was executed on";
        return finish(found, true, `the same instruction ${what} the same layers`);
      }
      const imported = await this.#import(canonical, keys, node, base);
      if (imported !== undefined) return finish(imported, true, "found in the imported cache");
    }
    const reason = this.#missReason(node, step, base, keys, ignoresCache);
    step.because(reason);
    step.start();
    const result = await context.inFlight.run(
      `${canonical}:${keys.inputs}:${ignoresCache ? this.#platform + request.ref : ""}`,
      this.#scope.signal,
      (log, signal) =>
        this.#execute(node, base, work, { canonical, begun, fresh: ignoresCache }, log, signal),
      (log) => step.follow(log),
    );
    return finish(result, false, reason);
  }

  #missReason(node: LayerStep, _step: Step, base: Solved, keys: StepKeys, ignoresCache: boolean): string {
    const { cache } = this.#scope.context;
    if (ignoresCache)
      return this.#scope.request.noCache ? "--no-cache was given" : "--no-cache-filter names its stage";
    const below = base.results.at(-1);
    const belowStep = this.#steps.get(node.base)?.vertex;
    if (cache.knows(keys.sameBase)) {
      return node.type === "copy" ? "the files that it copies have changed" : "what it mounts has changed";
    }
    if (below !== undefined && belowStep?.cached === false) return "the step below it was executed";
    if (cache.knows(keys.anyBase)) return "what is below it has changed";
    return "it was not executed before, its text has changed, or its result was removed from the cache";
  }

  async #execute(
    node: LayerStep,
    base: Solved,
    work: StepWork,
    { canonical, begun, fresh }: { canonical: string; begun: HeadStart | undefined; fresh: boolean },
    log: StepLog,
    signal: AbortSignal,
  ): Promise<StepResult> {
    const { snapshots } = this.#scope.context.parts;
    const keep = (layer: NewLayer, outcome: StepOutcome) =>
      this.#keep(node, base, work.keys, canonical, layer, outcome);
    if (begun !== undefined) return await keep(begun.layer, await begun.finish(log));
    const patched = fresh ? undefined : this.#patched(work);
    const patch = patched && (await work.patch?.(patched.listing));
    if (patch !== undefined) {
      await using layer = await newLayer(snapshots, work.chain, patched?.over);
      const outcome = await patch(layer, log, signal);
      if (outcome !== undefined) return await keep(layer, outcome);
    }
    await using layer = await newLayer(snapshots, work.chain);
    return await keep(layer, await work.execute(layer, log, signal));
  }

  async #keep(
    node: LayerStep,
    base: Solved,
    { quick, inputs, sameBase, anyBase }: StepKeys,
    canonical: string,
    layer: NewLayer,
    { size, added, keep, listing, packed }: StepOutcome,
  ): Promise<StepResult> {
    const isEmpty = layer.isEmpty();
    if (!isEmpty) await layer.commit(added ?? size, listing);
    return this.#scope.context.cache.add(
      {
        canonical,
        inputs,
        layer: isEmpty ? undefined : layer.id,
        description: node.name,
        size: isEmpty ? 0 : size,
        created: this.#now(),
        parent: base.results.at(-1)?.id ?? "",
        diffId: isEmpty ? undefined : packed?.diffId,
        tarSize: isEmpty ? 0 : (packed?.size ?? 0),
      },
      keep ? [canonical, sameBase, anyBase, ...(quick === undefined ? [] : [quick])] : [],
    );
  }

  /** What the same instruction left on the same layers, when perhaps only the difference to it has to be executed. */
  #patched(work: StepWork): Patched | undefined {
    const { cacheHold, context } = this.#scope;
    const { snapshots } = context.parts;
    const before = work.patch && context.cache.find(work.keys.sameBase, work.keys.inputs);
    if (before?.layer === undefined) return undefined;
    cacheHold.add(before);
    const over = snapshots.wholeLayer(before.layer);
    const listing = snapshots.layerListing(over);
    return listing === undefined ? undefined : { over, listing };
  }

  /** Begins a step before its key is known, when that pays and nothing is there that it could be a patch over. */
  async #begin(node: LayerStep, work: StepWork, fresh: boolean): Promise<HeadStart | undefined> {
    const { context, request, signal } = this.#scope;
    const isKnown = () => !fresh && context.cache.knows(work.keys.sameBase);
    if (!(await HeadStart.pays(work, isKnown)) || (isKnown() && this.#patched(work) !== undefined))
      return undefined;
    const pack = (request.exporters ?? []).some(makesImage) && this.#isOfResult(node);
    return await HeadStart.begin(context.parts.snapshots, work, { pack, signal });
  }

  /** Its layer is one of those that the target consists of. */
  #isOfResult(node: GraphNode): boolean {
    for (let at = this.#graph.nodes[this.#graph.target]; at !== undefined; ) {
      if (at === node) return true;
      at = "base" in at ? this.#graph.nodes[at.base] : undefined;
    }
    return false;
  }

  async #import(
    canonical: string,
    keys: StepKeys,
    node: LayerStep,
    base: Solved,
  ): Promise<StepResult | undefined> {
    const { cache } = this.#scope.context;
    for (const importer of this.#scope.importers) {
      const found = await importer.find(canonical, base.chain, this.#scope.signal);
      if (found === undefined) continue;
      return cache.add(
        {
          canonical,
          inputs: keys.inputs,
          description: node.name,
          parent: base.results.at(-1)?.id ?? "",
          ...found,
        },
        [canonical, keys.sameBase, keys.anyBase, ...(keys.quick === undefined ? [] : [keys.quick])],
      );
    }
    return undefined;
  }

  #now(): number {
    return this.#scope.epoch === undefined ? Date.now() : this.#scope.epoch * 1000;
  }

  /** The failure with its place; marks the step. Failures of steps below are passed on as they are. */
  #failure(node: GraphNode, step: Step, error: unknown): unknown {
    if (error instanceof BuildError && error.vertex !== undefined) return error;
    const { signal } = this.#scope;
    if (signal.aborted && !(error instanceof BuildError)) {
      step.fail(new Error("context canceled"));
      return signal.reason ?? error;
    }
    step.fail(error);
    const source = this.#file(node);
    const details = error instanceof BuildError ? error : undefined;
    return new BuildError(messageOf(error), {
      kind: (error as { kind?: "system" }).kind ?? "system",
      vertex: step.vertex.digest,
      vertexName: node.name,
      ...(source && { source }),
      ...(details?.output !== undefined && { output: details.output }),
      ...(details?.processExitCode !== undefined && { exitCode: details.processExitCode }),
      ...((error as { hint?: string }).hint !== undefined && { hint: (error as { hint: string }).hint }),
      cause: error,
    });
  }
}
