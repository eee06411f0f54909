/** Look, compare, act; and again when somebody else acted meanwhile. */
import { messageOf } from "@berth/base";
import { ContainerIndex } from "../execute/container-index.ts";
import { execute } from "../execute/execute.ts";
import { type Performer, perform } from "../execute/perform.ts";
import type { Images } from "../images/ensure.ts";
import { observeProject } from "../observe/observe.ts";
import type { ObservedContainer, ObservedProject } from "../observe/observed.ts";
import { describePlan, type Plan } from "../plan/operation.ts";
import { reconcileUp, type UpOptions, type UpPlan } from "../reconcile/up.ts";
import type { Target } from "../target.ts";
import type { ComposeEngine } from "./engine.ts";

/** Attempts of two `up` at once on one project to agree. */
const ATTEMPTS = 6;
const OTHERS_AT_WORK =
  /is already in use by container|already in progress|is marked for removal|cannot remove a running container|no such network|network with name .* already exists/i;

export interface ConvergeHooks {
  /** Told before the plan is carried out: containers by service, and those that run already. */
  planned?: (plan: UpPlan, index: ContainerIndex, observed: ObservedProject) => Promise<void> | void;
  beforeStart?: Performer["beforeStart"];
  onHookOutput?: Performer["onHookOutput"];
  signal?: AbortSignal;
}

/**
 * Brings a project's containers to what they should be.
 * @returns what is there when it is done. @throws what stopped it; what was done stands, a second call finishes the work.
 */
export async function converge(
  engine: ComposeEngine,
  target: Target,
  images: Images | Promise<Images>,
  options: UpOptions,
  hooks: ConvergeHooks = {},
): Promise<{ plan: UpPlan; index: ContainerIndex; observed: ObservedProject }> {
  const { client, progress } = engine;
  for (let attempt = 1; ; attempt++) {
    const [observed, { ids, names }] = await Promise.all([
      observeProject(client, target.project.name, hooks.signal),
      images,
    ]);
    const plan = reconcileUp(target, observed, ids, options);
    if (attempt === 1) tell(engine, plan, options);
    const index = new ContainerIndex(observed.containers);
    if (engine.dryRun !== undefined) {
      await engine.dryRun(describePlan(plan.plan));
      return { plan, index, observed };
    }
    await hooks.planned?.(plan, index, observed);
    const performer: Performer = {
      client,
      target,
      index,
      imageIds: ids,
      imageNames: names,
      render: engine.render,
      progress,
      atOnce: engine.atOnce,
      ...(hooks.beforeStart !== undefined && { beforeStart: hooks.beforeStart }),
      ...(hooks.onHookOutput !== undefined && { onHookOutput: hooks.onHookOutput }),
    };
    try {
      await carryOut(performer, plan.plan, hooks.signal);
      return { plan, index, observed };
    } catch (error) {
      if (attempt >= ATTEMPTS || hooks.signal?.aborted || !isOthersWork(error, index)) throw error;
      await Bun.sleep(20 * 2 ** attempt * (0.5 + Math.random()));
    }
  }
}

function isOthersWork(error: unknown, index: ContainerIndex): boolean {
  const message = messageOf(error);
  // A container that was never the project's (`external_links`) is missing, not taken away.
  const gone = /No such container: (\S+)/.exec(message)?.[1];
  if (gone === undefined) return OTHERS_AT_WORK.test(message);
  // By its id: one that was made or looked at, and is gone since.
  return /^[0-9a-f]{64}$/.test(gone) || index.knows(gone);
}

export function carryOut(performer: Performer, plan: Plan, signal?: AbortSignal): Promise<void> {
  const { atOnce } = performer;
  return execute(plan, (operation, inner) => perform(performer, operation, inner), signal, atOnce);
}

/** Carries out a plan on containers that are there, or prints it for a dry run. */
export async function runPlan(
  engine: ComposeEngine,
  target: Target,
  containers: readonly ObservedContainer[],
  plan: Plan,
  signal?: AbortSignal,
): Promise<void> {
  if (engine.dryRun !== undefined) return engine.dryRun(describePlan(plan));
  const { client, progress, render } = engine;
  const index = new ContainerIndex(containers);
  await carryOut(
    {
      client,
      target,
      index,
      imageIds: new Map(),
      imageNames: new Map(),
      render,
      progress,
      atOnce: engine.atOnce,
    },
    plan,
    signal,
  );
}

function tell(engine: ComposeEngine, plan: UpPlan, options: UpOptions): void {
  const { progress } = engine;
  if (!options.removeOrphans) warnOfOrphans(engine, plan.orphans);
  for (const name of plan.divergedVolumes) {
    progress.warn(
      `volume ${JSON.stringify(name)} exists but doesn't match configuration in compose file. It is used as it is; remove it (its data will be lost) to have it made anew.`,
    );
  }
  for (const { container, running } of plan.unchanged) {
    if (!running && container.state === "created") continue;
    progress.event({
      id: `Container ${container.name}`,
      text: running ? "Running" : "Created",
      status: "done",
    });
  }
}

export function warnOfOrphans(
  { progress, ignoreOrphans }: Pick<ComposeEngine, "progress" | "ignoreOrphans">,
  orphans: readonly ObservedContainer[],
): void {
  if (orphans.length === 0 || ignoreOrphans) return;
  const names = orphans.map(({ name }) => name).join(" ");
  progress.warn(
    `Found orphan containers ([${names}]) for this project. If you removed or renamed this service in your compose file, you can run this command with the --remove-orphans flag to clean it up.`,
  );
}
