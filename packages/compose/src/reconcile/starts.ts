import type { PlanBuilder } from "../plan/operation.ts";
import { dependenciesOf } from "./dependencies.ts";
import type { ServicePlan, UpOptions } from "./up.ts";

interface StartOptions {
  /** Further steps that come before every start. */
  after: readonly (number | readonly [string, number])[];
  /** Containers that are stopped on the way, by name. */
  stopped: ReadonlySet<string>;
  options: UpOptions;
}

/**
 * Starts, each after what its service depends on. Nothing starts before everything is made: a mistake in the last service
 * shall not leave half an application running.
 * @returns by service: the steps that start it.
 */
export function planStarts(
  builder: PlanBuilder,
  plans: ReadonlyMap<string, ServicePlan>,
  { after, stopped, options }: StartOptions,
): ReadonlyMap<string, readonly number[]> {
  const before = [
    ...[...plans.values()].flatMap((plan) => plan.ready),
    ...after.map((step) => (typeof step === "number" ? step : step[1])),
  ];
  const made = before.length === 0 ? undefined : builder.add({ kind: "join", what: "all is made" }, before);
  const started = new Map<string, number[]>();
  const waits = new Map<string, number>();
  // `plans` is in the order of dependencies.
  for (const [name, plan] of plans) {
    const needs: (number | undefined)[] = [made];
    const isNeeded = plan.containers.some((each) => !each.running || stopped.has(each.name));
    for (const dependency of isNeeded ? dependenciesOf(plan.service) : []) {
      needs.push(...dependencyStep(dependency, plan, plans, started, waits, builder, made));
    }
    const starts: number[] = [];
    for (const container of plan.containers) {
      if (container.running && !stopped.has(container.name)) continue;
      let step = builder.add({ kind: "start-container", container: container.name, service: name }, needs);
      for (const [index] of (plan.service.post_start ?? []).entries()) {
        step = builder.add(
          { kind: "hook", container: container.name, service: name, when: "post_start", index },
          [step],
        );
      }
      starts.push(step);
    }
    started.set(name, starts);
  }
  if (!options.wait) return started;
  for (const [name, plan] of plans) {
    if (plan.containers.length === 0) continue;
    builder.add(
      {
        kind: "wait",
        service: name,
        containers: plan.containers.map((each) => each.name),
        condition: "running_or_healthy",
        required: true,
      },
      [made, ...(started.get(name) ?? [])],
    );
  }
  return started;
}

/** What a start waits for because of one dependency. */
function dependencyStep(
  name: string,
  plan: ServicePlan,
  plans: ReadonlyMap<string, ServicePlan>,
  started: ReadonlyMap<string, readonly number[]>,
  waits: Map<string, number>,
  builder: PlanBuilder,
  made: number | undefined,
): (number | undefined)[] {
  const needed = plans.get(name);
  if (needed === undefined) return [];
  const condition = plan.service.depends_on?.[name]?.condition ?? "service_started";
  const starts = started.get(name) ?? [];
  if (condition === "service_started" || needed.containers.length === 0) return [...starts];
  const required = plan.service.depends_on?.[name]?.required !== false;
  const key = `${name} ${condition} ${required}`;
  const wait =
    waits.get(key) ??
    builder.add(
      {
        kind: "wait",
        service: name,
        containers: needed.containers.map((each) => each.name),
        condition,
        required,
      },
      [made, ...starts],
    );
  waits.set(key, wait);
  return [wait];
}
