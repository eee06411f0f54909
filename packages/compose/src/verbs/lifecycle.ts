/** start, stop, restart, kill, pause, unpause, rm: on containers that are there. */
import { messageOf, systemError } from "@berth/base";
import { containerPause, containerUnpause } from "@berth/client";
import { observeContainers, observeProject } from "../observe/observe.ts";
import type { ObservedContainer } from "../observe/observed.ts";
import { type Plan, PlanBuilder } from "../plan/operation.ts";
import { dependenciesOf, dependentsOf, inOrder } from "../reconcile/dependencies.ts";
import { planStop } from "../reconcile/stops.ts";
import { serviceOf, type Target } from "../target.ts";
import { runPlan } from "./converge.ts";
import type { ComposeEngine } from "./engine.ts";

export interface LifecycleOptions {
  /** Empty: all. */
  services: readonly string[];
  /** Seconds. */
  timeout?: number;
  signal?: AbortSignal;
}

const isLive = ({ state }: ObservedContainer) =>
  state === "running" || state === "paused" || state === "restarting";

/** Without names those of the project: neither orphans nor services that no active profile enables. */
const choose = (target: Target, options: LifecycleOptions) => {
  const named = new Set(
    options.services.length > 0 ? options.services : Object.keys(target.project.services),
  );
  return (container: ObservedContainer) => named.has(container.service);
};

/** Dependents stop before what they need. */
export async function stop(engine: ComposeEngine, target: Target, options: LifecycleOptions): Promise<void> {
  const all = await observeContainers(engine.client, target.project.name, { all: true, oneOff: "exclude" });
  const containers = all.filter(choose(target, options));
  await runPlan(engine, target, all, planStops(target, containers, options), options.signal);
}

export function planStops(
  target: Target,
  containers: readonly ObservedContainer[],
  options: { timeout?: number },
): Plan {
  const builder = new PlanBuilder();
  const last = new Map<string, number[]>();
  const order = inOrder(target.project.services).reverse();
  const names = [
    ...order,
    ...new Set(containers.map(({ service }) => service).filter((name) => !order.includes(name))),
  ];
  for (const name of names) {
    const before = dependentsOf(target.project.services, name).flatMap(
      (dependent) => last.get(dependent) ?? [],
    );
    const own = containers
      .filter((each) => each.service === name && (isLive(each) || each.state === "exited"))
      .map((each) => planStop(builder, serviceOf(target, name), each, before, options));
    last.set(name, own.length > 0 ? own : before);
  }
  return builder.build();
}

/** @throws when a service has no container. `wait`: until all are healthy or run. */
export async function start(
  engine: ComposeEngine,
  target: Target,
  options: LifecycleOptions & { wait?: boolean },
): Promise<void> {
  const all = await observeContainers(engine.client, target.project.name, { all: true, oneOff: "exclude" });
  const containers = all.filter(choose(target, options));
  for (const name of options.services.length > 0 ? options.services : Object.keys(target.project.services)) {
    const service = target.project.services[name];
    const count = service?.scale ?? service?.deploy?.replicas ?? 1;
    if (count > 0 && !containers.some((each) => each.service === name)) {
      throw systemError(`service ${JSON.stringify(name)} has no container to start`);
    }
  }
  const builder = new PlanBuilder();
  const started = new Map<string, number[]>();
  for (const name of inOrder(target.project.services)) {
    const service = serviceOf(target, name)!;
    const own = containers.filter((each) => each.service === name);
    if (own.length === 0) continue;
    const idle = own.filter((each) => !isLive(each));
    const needs: number[] = [];
    for (const dependency of idle.length > 0 ? dependenciesOf(service) : []) {
      const condition = service.depends_on?.[dependency]?.condition ?? "service_started";
      const steps = started.get(dependency) ?? [];
      const others = all.filter((each) => each.service === dependency);
      if (condition === "service_started" || others.length === 0) needs.push(...steps);
      else {
        const required = service.depends_on?.[dependency]?.required !== false;
        const names = others.map((each) => each.name);
        needs.push(
          builder.add({ kind: "wait", service: dependency, containers: names, condition, required }, steps),
        );
      }
    }
    const steps = idle.map((each) => {
      let step = builder.add({ kind: "start-container", container: each.name, service: name }, needs);
      for (const [index] of (service.post_start ?? []).entries()) {
        step = builder.add({ kind: "hook", container: each.name, service: name, when: "post_start", index }, [
          step,
        ]);
      }
      return step;
    });
    started.set(name, steps);
    if (options.wait) {
      const names = own.map((each) => each.name);
      builder.add(
        { kind: "wait", service: name, containers: names, condition: "running_or_healthy", required: true },
        steps,
      );
    }
  }
  await runPlan(engine, target, all, builder.build(), options.signal);
}

/** With `dependencies`, services that asked for it (`restart: true`) restart after what they need. */
export async function restart(
  engine: ComposeEngine,
  target: Target,
  options: LifecycleOptions & { dependencies: boolean },
): Promise<void> {
  const { services } = target.project;
  const all = await observeContainers(engine.client, target.project.name, { all: true, oneOff: "exclude" });
  const chosen = new Set(options.services.length > 0 ? options.services : Object.keys(services));
  if (options.dependencies) {
    for (const name of inOrder(services)) {
      const needed = Object.entries(services[name]?.depends_on ?? {});
      if (needed.some(([dependency, { restart: follows }]) => follows === true && chosen.has(dependency))) {
        chosen.add(name);
      }
    }
  }
  const builder = new PlanBuilder();
  const last = new Map<string, number[]>();
  const order = inOrder(services);
  for (const name of [...order, ...[...chosen].filter((each) => !order.includes(each))]) {
    const before = Object.entries(services[name]?.depends_on ?? {}).flatMap(
      ([dependency]) => last.get(dependency) ?? [],
    );
    const steps: number[] = [];
    for (const each of all.filter((container) => container.service === name && chosen.has(name))) {
      const { timeout } = options;
      steps.push(
        builder.add(
          {
            kind: "restart-container",
            container: each.name,
            id: each.id,
            ...(timeout !== undefined && { timeout }),
          },
          before,
        ),
      );
    }
    last.set(name, steps.length > 0 ? steps : before);
  }
  await runPlan(engine, target, all, builder.build(), options.signal);
}

export async function kill(
  engine: ComposeEngine,
  target: Target,
  options: LifecycleOptions & { signalName: string; removeOrphans: boolean },
): Promise<void> {
  const { containers } = await observeProject(engine.client, target.project.name);
  const builder = new PlanBuilder();
  const isAll = options.removeOrphans && options.services.length === 0;
  const isChosen = isAll ? () => true : choose(target, options);
  const doomed = containers.filter((each) => isLive(each) && isChosen(each));
  for (const each of doomed) {
    builder.add({ kind: "kill-container", container: each.name, id: each.id, signal: options.signalName });
  }
  if (doomed.length === 0) {
    engine.progress.warn("no container to kill");
    return;
  }
  await runPlan(engine, target, containers, builder.build());
}

/** Stopped containers of services; `stop`: the others too. @returns how many. */
export async function remove(
  engine: ComposeEngine,
  target: Target,
  options: LifecycleOptions & {
    stop: boolean;
    volumes: boolean;
    confirm: (names: readonly string[]) => Promise<boolean>;
  },
): Promise<number> {
  const all = await observeContainers(engine.client, target.project.name, { all: true, oneOff: "exclude" });
  const chosen = all.filter(choose(target, options));
  if (options.stop) await runPlan(engine, target, all, planStops(target, chosen.filter(isLive), options));
  const doomed = chosen.filter((each) => options.stop || !isLive(each));
  if (doomed.length === 0 || !(await options.confirm(doomed.map((each) => each.name)))) return doomed.length;
  const builder = new PlanBuilder();
  for (const each of doomed) {
    const { volumes } = options;
    builder.add({ kind: "remove-container", container: each.name, id: each.id, force: true, volumes });
  }
  await runPlan(engine, target, all, builder.build());
  return doomed.length;
}

export async function pause(
  engine: ComposeEngine,
  target: Target,
  options: LifecycleOptions & { undo: boolean },
): Promise<void> {
  const { client, progress } = engine;
  const all = await observeContainers(client, target.project.name, { all: true, oneOff: "exclude" });
  // Paused ones are asked for again: the daemon says that they are, as it does to Compose.
  const chosen = all.filter(
    (each) => choose(target, options)(each) && (each.state === "paused" || each.state === "running"),
  );
  if (engine.dryRun !== undefined) {
    const verb = options.undo ? "unpause" : "pause";
    return engine.dryRun(chosen.map(({ name }) => `${verb} container ${name}\n`).join(""));
  }
  const results = await Promise.allSettled(
    chosen.map(async (each) => {
      const id = `Container ${each.name}`;
      try {
        await (options.undo ? containerUnpause(client, each.id) : containerPause(client, each.id));
        progress.event({ id, text: options.undo ? "Unpaused" : "Paused", status: "done" });
      } catch (error) {
        progress.event({ id, text: "Error", status: "error", detail: messageOf(error) });
        throw error;
      }
    }),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
