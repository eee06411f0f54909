import { type LayerDigest, runJob } from "@berth/archive";
import type { Digest } from "@berth/base";
import { BuildError } from "../build-error.ts";
import { keyOf } from "../cache/key.ts";
import {
  type CopyOrigin,
  copyStep,
  hashSources,
  type ListedSource,
  listSources,
  mkdirStep,
  type SelectedSource,
} from "../exec/copy.ts";
import { entriesToPatch, listingOf } from "../exec/copy-patch.ts";
import { runStep } from "../exec/run.ts";
import type { StepLog } from "../exec/step-log.ts";
import type { CopyNode, MkdirNode, NodeId, RunNode } from "../graph/operation.ts";
import type { NewLayer } from "../layers/new-layer.ts";
import type { KeptFiles } from "./kept-files.ts";
import { mountSources } from "./mount-sources.ts";
import { resolveOwner } from "./owner.ts";
import type { BuildScope, NodeResult, Solved } from "./scope.ts";

export type LayerStep = RunNode | CopyNode | MkdirNode;

const TAIL_LINES = 60;
/** Key of nothing. */
export const NO_LAYERS: string = keyOf("scratch");
const NOTHING = { key: NO_LAYERS, chain: [] };

/** What makes a step the same as an earlier one. */
export interface StepKeys {
  /** Found without looking into files; undefined when that is not possible. Only on this machine. */
  quick: string | undefined;
  /** By content: the same on any machine. */
  canonical: () => Promise<string>;
  /** Identity of the layers that the result was made on or with. */
  inputs: string;
  /** To say why: the same instruction on the same base, and on any. */
  readonly sameBase: string;
  readonly anyBase: string;
}

/**
 * `size`: bytes of the layer's files, -1 when nobody knows; `added`: of those that a patch adds or replaces; `keep`: it may be found again; `listing`: kept with the layer; `packed`:
 * the tar that the layer is, if it was found out.
 */
export interface StepOutcome {
  size: number;
  added?: number;
  keep: boolean;
  listing?: string;
  packed?: LayerDigest;
}

export type Execute<Outcome = StepOutcome> = (
  layer: NewLayer,
  log: StepLog,
  signal: AbortSignal,
  pack?: boolean,
) => Promise<Outcome>;

export interface StepWork {
  keys: StepKeys;
  /** Layers that its own is made on. */
  chain: readonly Digest[];
  execute: Execute;
  /**
   * Bytes that have to be read before `keys` are known; undefined when it cannot be executed before that. `changed`: only of what
   * has certainly changed.
   */
  unread?(changed: boolean): Promise<number>;
  /** Bytes of all that it copies; there with `unread`. */
  size?(): Promise<number>;
  /**
   * How to execute it as a patch over the layer that the same instruction left on the same layers, with this listing; undefined
   * when it has to be executed as a whole, which may also turn out only while it is executed.
   */
  patch?(listing: string): Promise<Execute<StepOutcome | undefined> | undefined>;
}

function bytesOf(listed: readonly ListedSource[]): number {
  let bytes = 0;
  for (const { matches } of listed)
    for (const { entries } of matches) for (const { size } of entries) bytes += size;
  return bytes;
}

function unreadBytes(listed: readonly ListedSource[], changed: boolean): number {
  let bytes = 0;
  for (const { origin, matches } of listed) {
    if (origin.kind !== "files" || (changed && !origin.tree.isRemembered)) continue;
    for (const { entries } of matches) bytes += origin.tree.unreadBytes(entries);
  }
  return bytes;
}

/** Says what the steps of a build do, and by what they are known. */
export class StepPlanner {
  readonly #scope: BuildScope;
  readonly #files: KeptFiles;
  readonly #nameOf: (id: NodeId) => string;

  /** `nameOf`: what progress calls a node. */
  constructor(scope: BuildScope, files: KeptFiles, nameOf: (id: NodeId) => string) {
    this.#scope = scope;
    this.#files = files;
    this.#nameOf = nameOf;
  }

  /** What a step does, and how it is known. */
  async prepare(node: LayerStep, base: Solved, inputs: ReadonlyMap<NodeId, NodeResult>): Promise<StepWork> {
    const { snapshots } = this.#scope.context.parts;
    const epoch = this.#scope.epoch;
    if (node.type === "mkdir") {
      const owner = await resolveOwner(snapshots, base.chain, node.user);
      const definition = ["mkdir", node.path, node.user, epoch];
      const keys = this.#keysOf(definition, base, keyOf(base.chain), [], async () => []);
      const execute = async (layer: NewLayer, _log: StepLog, signal: AbortSignal) => {
        await mkdirStep(node.path, layer, { owner, epoch }, signal);
        return { size: 0, keep: true };
      };
      return { keys, execute, chain: base.chain };
    }
    return node.type === "copy"
      ? await this.#prepareCopy(node, base, inputs)
      : await this.#prepareRun(node, base, inputs);
  }

  async #prepareCopy(node: CopyNode, base: Solved, inputs: ReadonlyMap<NodeId, NodeResult>) {
    const { snapshots } = this.#scope.context.parts;
    const epoch = this.#scope.epoch;
    const link = node.link && snapshots.layersAreIndependent;
    // With an epoch all of the layer has to be the same as if nothing had been there before, times of folders too.
    const canBePatched = snapshots.layersAreIndependent && epoch === undefined;
    const origins = node.sources.map(({ from }): CopyOrigin => {
      const input = inputs.get(from) as NodeResult;
      return input.kind === "files" ? input : { kind: "layers", chain: input.chain };
    });
    const owner = await resolveOwner(snapshots, base.chain, node.chown);
    const definition = [
      node.instruction,
      node.sources.map(({ path, unpack }) => [path, unpack]),
      node.inline,
      node.destination,
      node.chown,
      link ? owner : undefined,
      node.chmod,
      link,
      node.parents,
      node.excludes,
      epoch,
      ...(node.onlyOne ? ["only one"] : []),
    ];
    const { signal } = this.#scope;
    let listing: Promise<ListedSource[]> | undefined;
    const list = () => {
      listing ??= listSources(snapshots, node, origins, signal);
      return listing;
    };
    let selection: Promise<SelectedSource[]> | undefined;
    const select = () => {
      selection ??= list().then((listed) => hashSources(listed, signal));
      return selection;
    };
    const chains = origins.map((origin) => (origin.kind === "layers" ? origin.chain : undefined));
    // Sources are known by content: only the base must be the same.
    const made = link ? NO_LAYERS : keyOf(base.chain);
    const keys = this.#keysOf(definition, link ? NOTHING : base, made, chains, async () =>
      (await select()).map(({ matches }) => matches.map(({ match, digest }) => [match.path, digest])),
    );
    const copy = async (
      what: readonly ListedSource[],
      ...[layer, log, aborted, pack = false]: Parameters<Execute>
    ) => {
      const options = { owner, epoch, pack: pack && snapshots.layersAreIndependent };
      const { warnings, changed, ...facts } = await copyStep(snapshots, node, what, layer, options, aborted);
      for (const warning of warnings) log.write(2, Buffer.from(`${warning}\n`));
      return { ...facts, keep: !changed };
    };
    const chain = link ? [] : base.chain;
    const execute: Execute = async (...where) => {
      const { followedLinks, ...outcome } = await copy(await list(), ...where);
      const copied = canBePatched && !followedLinks ? listingOf(node, await select()) : undefined;
      return { ...outcome, ...(copied !== undefined && { listing: copied }) };
    };
    const unread = async (changed: boolean) => unreadBytes(await list(), changed);
    const size = async () => bytesOf(await list());
    const work: StepWork = { keys, execute, chain, unread, size };
    if (!canBePatched) return work;
    work.patch = async (before) => {
      const differing = entriesToPatch(node, await select(), before);
      if (differing === undefined) return undefined;
      return async (...where) => {
        const { followedLinks, keep, size: added } = await copy(differing, ...where);
        return followedLinks ? undefined : { keep, size: -1, added };
      };
    };
    return work;
  }

  async #prepareRun(node: RunNode, base: Solved, inputs: ReadonlyMap<NodeId, NodeResult>) {
    const { context, request, contexts, epoch } = this.#scope;
    const { parts } = context;
    const sources = mountSources(this.#scope, this.#files, node, inputs, this.#nameOf);
    const network = request.networkMode ?? "";
    const definition = [
      "RUN",
      node.argv,
      node.env,
      node.cwd,
      node.user,
      // What a mount comes from is told by its own key, in the order of the mounts.
      node.mounts.map((mount) => ({ ...mount, from: undefined })),
      node.network === "default" && network !== "default" ? network : node.network,
      node.security,
      node.hostname,
      node.devices,
      node.scripts,
      node.platform,
      request.addHosts ?? [],
      epoch,
    ];
    const made = keyOf(base.chain, ...sources.inputs);
    const keys = this.#keysOf(definition, base, made, sources.chains, sources.content);
    const execute = async (layer: NewLayer, log: StepLog, signal: AbortSignal) => {
      const outcome = await runStep(
        parts,
        node,
        base.chain,
        layer,
        {
          snapshots: parts.snapshots,
          cacheMounts: context.cacheMounts,
          ...(contexts.secrets && { secrets: contexts.secrets }),
          ...(contexts.ssh && { ssh: contexts.ssh }),
          placeOf: await sources.open(),
          importedMount: (id) => {
            for (const importer of this.#scope.importers) {
              const fill = importer.mount(id);
              if (fill !== undefined) return fill;
            }
            return undefined;
          },
        },
        {
          networkMode: network,
          addHosts: request.addHosts ?? [],
          hostConfig: request.hostConfig ?? {},
          entitlements: request.entitlements ?? [],
        },
        log,
        signal,
      );
      if (outcome.exitCode !== 0) {
        const memory = outcome.oomKilled ? ": cannot allocate memory" : "";
        throw new BuildError(
          `process ${JSON.stringify(node.argv.join(" "))} did not complete successfully: exit code: ${outcome.exitCode}${memory}`,
          { exitCode: outcome.exitCode, output: log.tail(TAIL_LINES) },
        );
      }
      if (epoch !== undefined && !layer.isEmpty()) {
        await runJob({ job: "clamp", folder: layer.folder, epoch }, { signal });
      }
      return { size: -1, keep: true };
    };
    return { keys, execute, chain: base.chain };
  }

  #keysOf(
    definition: readonly unknown[],
    base: Pick<Solved, "key" | "chain">,
    inputs: string,
    others: readonly (readonly Digest[] | undefined)[],
    content: () => Promise<readonly unknown[]>,
  ): StepKeys {
    const hasFiles = others.some((chain) => chain === undefined);
    return {
      quick: hasFiles ? undefined : keyOf("quick", definition, base.key, base.chain, others),
      canonical: async () => keyOf("step", definition, base.key, await content()),
      inputs,
      // Only asked for when the step is not in the cache.
      get sameBase() {
        return keyOf("same base", definition, base.key);
      },
      get anyBase() {
        return keyOf("any base", definition);
      },
    };
  }
}
