/** Desired against observed: what `up`, `create`, `scale` and `run` have to do. Pure. */
import { conflict, invalidParameter } from "@berth/base";
import { configHash, type RenderService } from "../config-hash.ts";
import { containerName, type Separator } from "../container/names.ts";
import type { ObservedContainer, ObservedProject } from "../observe/observed.ts";
import { type Plan, PlanBuilder } from "../plan/operation.ts";
import { type NamedService, scaleOf, serviceOf, type Target } from "../target.ts";
import { dependentsOf, inOrder, references, shares } from "./dependencies.ts";
import { divergence, type RecreatePolicy } from "./divergence.ts";
import { planResources, type ResourcePlan } from "./resources.ts";
import { planStarts } from "./starts.ts";
import { planStop } from "./stops.ts";

export interface UpOptions {
  /** Those that are brought up, dependencies included. */
  services: ReadonlySet<string>;
  /** Those that were named; the others are there because these need them. */
  named: ReadonlySet<string>;
  recreate: RecreatePolicy;
  recreateDependencies: RecreatePolicy;
  /** Anonymous volumes are made anew instead of carried over. */
  renewAnonymousVolumes: boolean;
  removeOrphans: boolean;
  /** false: `create`, `up --no-start`. */
  start: boolean;
  /** Seconds; undefined: each container's own. */
  timeout?: number;
  /** `--scale`. */
  scale: ReadonlyMap<string, number>;
  /** false: nothing is removed because there is too much of it. */
  scaleDown?: boolean;
  /** `--wait`: until all run, and are healthy if they can tell. */
  wait: boolean;
  separator: Separator;
  render: RenderService;
  /** Names of services that no profile enables: theirs are no orphans. */
  disabled?: readonly string[];
  /** By service: hash of the files that are copied into its containers. */
  filesHashes?: ReadonlyMap<string, string>;
}

export interface UpPlan {
  plan: Plan;
  /** What is as it should be. */
  unchanged: { container: ObservedContainer; running: boolean }[];
  /** All containers of the services when the plan is done, by service, in the order of their numbers. */
  containers: Map<string, string[]>;
  orphans: ObservedContainer[];
  /** Names of volumes that are there and not what the file says. */
  divergedVolumes: readonly string[];
}

export interface ServicePlan {
  service: NamedService;
  /** Names at the end. */
  containers: { name: string; running: boolean; id: string | undefined }[];
  /** Steps after which its containers are there under their names. */
  ready: number[];
  /** Containers that are made anew. */
  recreated: ObservedContainer[];
  created: boolean;
}

/** @throws invalid-parameter, conflict */
export function reconcileUp(
  target: Target,
  observed: ObservedProject,
  imageIds: ReadonlyMap<string, string | undefined>,
  options: UpOptions,
): UpPlan {
  const builder = new PlanBuilder();
  const { project } = target;
  const order = inOrder(project.services).filter((name) => options.services.has(name));
  const resources = planResources(builder, target, observed, order, {
    remake: options.recreate !== "never",
    ...(options.timeout !== undefined && { timeout: options.timeout }),
  });
  const orphans = orphansOf(target, observed, options.disabled ?? []);
  const before = options.removeOrphans
    ? orphans.map((container) => planRemoval(builder, container, options))
    : [];
  const plans = new Map<string, ServicePlan>();
  const unchanged: UpPlan["unchanged"] = [];
  for (const name of order) {
    const service = serviceOf(target, name)!;
    plans.set(
      name,
      planService(
        builder,
        target,
        observed,
        service,
        imageIds.get(name),
        options,
        resources,
        plans,
        unchanged,
      ),
    );
  }
  const stopped = planDependentStops(builder, target, observed, plans, options);
  if (options.start) {
    const started = planStarts(builder, plans, {
      after: [...before, ...stopped],
      stopped: new Set(stopped.keys()),
      options,
    });
    planDependentRestarts(builder, target, observed, plans, started, options);
  }
  const containers = new Map(
    [...plans].map(([name, plan]) => [name, plan.containers.map((each) => each.name)]),
  );
  const { divergedVolumes } = resources;
  return { plan: builder.build(), unchanged, containers, orphans, divergedVolumes };
}

function planService(
  builder: PlanBuilder,
  target: Target,
  observed: ObservedProject,
  service: NamedService,
  imageId: string | undefined,
  options: UpOptions,
  resources: ResourcePlan,
  plans: ReadonlyMap<string, ServicePlan>,
  unchanged: UpPlan["unchanged"],
): ServicePlan {
  const all = observed.containers.filter((each) => each.service === service.name && !each.oneOff);
  const unfinished = all.filter((each) => isUnfinished(each, all));
  const existing = all.filter((each) => !unfinished.includes(each));
  const wanted = wantedCount(service, options, existing.length);
  const find = (name: string) => finalContainers(observed, plans, name);
  const hash = shares(service).some((name) => isMadeAnew(plans.get(name)))
    ? undefined
    : configHash(service, options.render, find);
  const policy = options.named.has(service.name) ? options.recreate : options.recreateDependencies;
  const why = (container: ObservedContainer, isFresh = false): string | undefined => {
    // What another `up` has just made anew, or one that was cut off, is as fresh as it would be.
    if (policy === "force" && !isFresh) return "forced";
    if (policy === "never") return undefined;
    const remade = Object.keys(service.networks ?? {}).find((key) => resources.remade.has(key));
    if (remade !== undefined) return `network ${remade} is made anew`;
    const filesHash = options.filesHashes?.get(service.name);
    return divergence(target, observed, { service, configHash: hash, imageId, filesHash }, container);
  };
  const needs = neededBefore(service, resources, plans);
  const result: ServicePlan = { service, containers: [], ready: [], recreated: [], created: false };

  // What is not as it should be goes first, then the highest numbers.
  const judged = existing
    .map((container) => ({ container, reason: why(container) }))
    .sort((a, b) => {
      if ((a.reason === undefined) !== (b.reason === undefined)) return a.reason === undefined ? -1 : 1;
      return a.container.number - b.container.number;
    });
  for (const { container } of judged.slice(wanted))
    result.ready.push(planRemoval(builder, container, options));
  const kept = judged.slice(0, wanted).sort((a, b) => a.container.number - b.container.number);
  for (const { container, reason } of kept) {
    const half = unfinished.find((each) => each.replaces === container.id);
    if (reason === undefined) {
      if (half !== undefined) result.ready.push(planRemoval(builder, half, options));
      const running =
        container.state === "running" || container.state === "restarting" || container.state === "paused";
      result.containers.push({ name: container.name, running, id: container.id });
      unchanged.push({ container, running });
      continue;
    }
    const name = containerName(target.project, service, container.number, options.separator);
    const dropped = half === undefined ? [] : [planRemoval(builder, half, options)];
    result.ready.push(planReplacement(builder, service, container, name, [...needs, ...dropped], options));
    result.recreated.push(container);
    result.containers.push({ name, running: false, id: undefined });
  }
  // The old container is gone and its place was not taken: the work of an `up` that was cut off.
  let missing = wanted - kept.length;
  for (const half of unfinished.filter((each) => !existing.some((old) => old.id === each.replaces))) {
    const name = containerName(target.project, service, half.number, options.separator);
    if (
      missing > 0 &&
      why(half, true) === undefined &&
      !result.containers.some((each) => each.name === name)
    ) {
      result.ready.push(
        builder.add({ kind: "rename-container", container: name, service: service.name, id: half.id }),
      );
      result.containers.push({ name, running: half.state === "running", id: half.id });
      missing--;
    } else {
      result.ready.push(planRemoval(builder, half, options));
    }
  }
  let number = Math.max(0, ...all.map((each) => each.number));
  const removed = result.ready.slice();
  for (let count = missing; count > 0; count--) {
    number++;
    const name = containerName(target.project, service, number, options.separator);
    const fixed = service.container_name ? removed : [];
    result.ready.push(
      builder.add({ kind: "create-container", service: service.name, number, container: name }, [
        ...needs,
        ...fixed,
      ]),
    );
    result.created = true;
    result.containers.push({ name, running: false, id: undefined });
  }
  return result;
}

/** Made in place of a container, and not yet called like it. */
function isUnfinished(container: ObservedContainer, all: readonly ObservedContainer[]): boolean {
  const { replaces } = container;
  if (replaces === undefined || !/^[0-9a-f]{12}_/.test(container.name)) return false;
  return replaces.startsWith(container.name.slice(0, 12)) || all.some((each) => each.id === replaces);
}

/** No host holds more; a plan of more would fill the memory. */
const MOST_REPLICAS = 65_536;

function wantedCount(service: NamedService, options: UpOptions, existing: number): number {
  const wanted = options.scale.get(service.name) ?? scaleOf(service);
  if (!(wanted <= MOST_REPLICAS)) {
    throw invalidParameter(`service ${JSON.stringify(service.name)}: ${wanted} replicas are too many`);
  }
  if (wanted > 1 && service.container_name) {
    throw invalidParameter(
      `WARNING: The ${JSON.stringify(service.name)} service is using the custom container name ${JSON.stringify(service.container_name)}. Docker requires each container to have a unique name. Remove the custom name to scale the service`,
    );
  }
  return options.scaleDown === false ? Math.max(wanted, existing) : wanted;
}

function planReplacement(
  builder: PlanBuilder,
  service: NamedService,
  old: ObservedContainer,
  name: string,
  needs: readonly (number | undefined)[],
  options: UpOptions,
): number {
  const replaces = { id: old.id, name: old.name, keepVolumes: !options.renewAnonymousVolumes };
  const made = builder.add(
    { kind: "create-container", service: service.name, number: old.number, container: name, replaces },
    needs,
  );
  const stopped =
    old.state === "running" || old.state === "restarting" || old.state === "paused"
      ? planStop(builder, service, old, [made], options, true)
      : made;
  const removed = builder.add(
    { kind: "remove-container", container: old.name, id: old.id, force: false, volumes: false, quiet: true },
    [stopped],
  );
  return builder.add({ kind: "rename-container", container: name, service: service.name }, [removed]);
}

function planRemoval(
  builder: PlanBuilder,
  container: ObservedContainer,
  options: { timeout?: number },
): number {
  const running =
    container.state === "running" || container.state === "paused" || container.state === "restarting";
  const stopped = running ? planStop(builder, undefined, container, [], options) : undefined;
  return builder.add(
    { kind: "remove-container", container: container.name, id: container.id, force: true, volumes: false },
    [stopped],
  );
}

function neededBefore(
  service: NamedService,
  resources: ResourcePlan,
  plans: ReadonlyMap<string, ServicePlan>,
): number[] {
  const steps: (number | undefined)[] = [];
  for (const key of Object.keys(service.networks ?? {})) steps.push(resources.networks.get(key));
  for (const volume of service.volumes ?? []) {
    if (volume.type === "volume" && volume.source) steps.push(resources.volumes.get(volume.source));
  }
  for (const name of references(service)) {
    const plan = plans.get(name);
    steps.push(...(plan?.ready ?? []));
    if (plan !== undefined && plan.containers.length === 0) {
      throw conflict(
        `cannot share namespace or volumes with service ${JSON.stringify(name)}: it has no container`,
      );
    }
  }
  return steps.filter((step) => step !== undefined);
}

function isMadeAnew(plan: ServicePlan | undefined): boolean {
  return plan !== undefined && (plan.recreated.length > 0 || plan.containers[0]?.id === undefined);
}

function finalContainers(
  observed: ObservedProject,
  plans: ReadonlyMap<string, ServicePlan>,
  name: string,
): { id: string; name: string; number: number }[] {
  const planned = plans.get(name);
  const there = observed.containers
    .filter((each) => each.service === name && !each.oneOff)
    .sort((a, b) => a.number - b.number);
  if (planned === undefined) return there;
  return there.filter((each) => planned.containers.some(({ id }) => id === each.id));
}

/** Dependents that asked for it are stopped while what they need is made anew; they are started again with the others. */
function planDependentStops(
  builder: PlanBuilder,
  target: Target,
  observed: ObservedProject,
  plans: ReadonlyMap<string, ServicePlan>,
  options: UpOptions,
): Map<string, number> {
  const stops = new Map<string, number>();
  const { services } = target.project;
  for (const [name, plan] of plans) {
    if (plan.recreated.length === 0) continue;
    for (const dependent of dependentsOf(services, name)) {
      if (services[dependent]?.depends_on?.[name]?.restart !== true) continue;
      const own = plans.get(dependent);
      if (own === undefined) continue;
      for (const container of observed.containers) {
        if (container.service !== dependent || container.oneOff || container.state !== "running") continue;
        if (own.recreated.includes(container) || stops.has(container.name)) continue;
        if (!own.containers.some(({ id }) => id === container.id)) continue;
        stops.set(container.name, planStop(builder, serviceOf(target, dependent), container, [], options));
      }
    }
  }
  return stops;
}

/** Dependents that asked for it and are not brought up now restart when what they need has been made anew. */
function planDependentRestarts(
  builder: PlanBuilder,
  target: Target,
  observed: ObservedProject,
  plans: ReadonlyMap<string, ServicePlan>,
  started: ReadonlyMap<string, readonly number[]>,
  { timeout }: UpOptions,
): void {
  const { services } = target.project;
  const after = new Map<ObservedContainer, number[]>();
  for (const [name, plan] of plans) {
    if (plan.recreated.length === 0) continue;
    for (const dependent of dependentsOf(services, name)) {
      const service = services[dependent]!;
      // One that shares a namespace cannot start again: the container that it names is gone.
      if (plans.has(dependent) || service.depends_on?.[name]?.restart !== true) continue;
      if (shares(service).includes(name)) continue;
      for (const container of observed.containers) {
        if (container.service !== dependent || container.oneOff || container.state !== "running") continue;
        after.set(container, [...(after.get(container) ?? []), ...(started.get(name) ?? [])]);
      }
    }
  }
  for (const [{ id, name }, steps] of after) {
    builder.add(
      { kind: "restart-container", container: name, id, ...(timeout !== undefined && { timeout }) },
      steps,
    );
  }
}

/** Containers of services that the project no longer has. */
export function orphansOf(
  target: Pick<Target, "project">,
  observed: ObservedProject,
  disabled: readonly string[],
): ObservedContainer[] {
  const known = new Set([...Object.keys(target.project.services), ...disabled]);
  return observed.containers.filter(({ service, oneOff }) => !oneOff && !known.has(service));
}
