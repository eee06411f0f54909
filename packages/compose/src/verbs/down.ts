import { imageNameOf } from "../container/names.ts";
import { LABEL } from "../labels.ts";
import { observeProject, observeUnlabelledVolumes } from "../observe/observe.ts";
import type { ObservedContainer, ObservedProject } from "../observe/observed.ts";
import { type Plan, PlanBuilder } from "../plan/operation.ts";
import { dependentsOf, inOrder } from "../reconcile/dependencies.ts";
import { planStop } from "../reconcile/stops.ts";
import { serviceOf, servicesOf, type Target } from "../target.ts";
import { runPlan, warnOfOrphans } from "./converge.ts";
import type { ComposeEngine } from "./engine.ts";

export interface DownOptions {
  /** Empty: everything, networks too. */
  services: readonly string[];
  removeOrphans: boolean;
  /** Named volumes of the file and anonymous ones. */
  volumes: boolean;
  images: "none" | "local" | "all";
  /** Seconds. */
  timeout?: number;
  disabled?: readonly string[];
  signal?: AbortSignal;
}

/** Stops and removes containers, those that need others first; then networks, volumes, images. */
export async function down(engine: ComposeEngine, target: Target, options: DownOptions): Promise<void> {
  const { client, progress } = engine;
  const { name, volumes } = target.project;
  const observed = await observeProject(client, name, options.signal);
  if (options.volumes && options.services.length === 0) {
    const own = Object.values(volumes).filter((volume) => !volume.external);
    const unseen = own
      .map((volume) => volume.name)
      .filter((one) => !observed.volumes.some(({ Name }) => Name === one));
    observed.volumes.push(...(await observeUnlabelledVolumes(client, unseen, options.signal)));
  }
  const { plan, orphans } = planDown(target, observed, options, engine.separator);
  if (!options.removeOrphans) warnOfOrphans(engine, orphans);
  if (plan.steps.length === 0) {
    progress.warn(`Warning: No resource found to remove for project ${JSON.stringify(name)}.`);
    return;
  }
  await runPlan(engine, target, observed.containers, plan, options.signal);
}

export function planDown(
  target: Target,
  observed: ObservedProject,
  options: DownOptions,
  separator: "-" | "_" = "-",
): { plan: Plan; orphans: ObservedContainer[] } {
  const builder = new PlanBuilder();
  const { project } = target;
  const known = new Set([...Object.keys(project.services), ...(options.disabled ?? [])]);
  // What no active profile enables stays, unless it is named.
  const chosen = (service: string) =>
    options.services.length === 0 ? service in project.services : options.services.includes(service);
  const orphans = observed.containers.filter((each) => !known.has(each.service) && !each.oneOff);
  const doomed = observed.containers.filter((each) =>
    known.has(each.service) ? chosen(each.service) : options.removeOrphans && options.services.length === 0,
  );
  const removed = new Map<string, number[]>();
  const all: number[] = [];
  // Those that need others go first.
  const order = [...inOrder(project.services)].reverse();
  const services = [
    ...order,
    ...new Set(doomed.map((each) => each.service).filter((name) => !order.includes(name))),
  ];
  for (const name of services) {
    const before = dependentsOf(project.services, name).flatMap((dependent) => removed.get(dependent) ?? []);
    const steps: number[] = [];
    for (const container of doomed.filter((each) => each.service === name)) {
      const stopped = planStop(builder, serviceOf(target, name), container, before, options);
      steps.push(
        builder.add(
          {
            kind: "remove-container",
            container: container.name,
            id: container.id,
            force: true,
            volumes: options.volumes,
          },
          [stopped],
        ),
      );
    }
    removed.set(name, steps.length > 0 ? steps : before);
    all.push(...steps);
  }
  if (options.services.length === 0) {
    const join =
      all.length === 0 ? undefined : builder.add({ kind: "join", what: "containers are gone" }, all);
    for (const network of observed.networks) {
      const key = network.Labels?.[LABEL.network];
      if (key !== undefined && project.networks[key]?.external) continue;
      builder.add({ kind: "remove-network", id: network.Id, name: network.Name }, [join]);
    }
    if (options.volumes) {
      for (const volume of observed.volumes) {
        const key = volume.Labels?.[LABEL.volume];
        const isNamed = Object.values(project.volumes).some(
          ({ name, external }) => name === volume.Name && !external,
        );
        if ((key === undefined && !isNamed) || (key !== undefined && project.volumes[key]?.external))
          continue;
        builder.add({ kind: "remove-volume", name: volume.Name }, [join]);
      }
    }
    planImages(builder, target, observed, options, separator, join);
  }
  return { plan: builder.build(), orphans };
}

function planImages(
  builder: PlanBuilder,
  target: Target,
  observed: ObservedProject,
  options: DownOptions,
  separator: "-" | "_",
  join: number | undefined,
): void {
  if (options.images === "none") return;
  const names = new Set<string>();
  for (const service of servicesOf(target)) {
    // Local ones are those without a name of their own.
    if (options.images === "local" && (service.image || service.build === undefined)) continue;
    names.add(imageNameOf(target.project, service, separator));
  }
  if (options.images === "all") for (const { imageName } of observed.containers) names.add(imageName);
  for (const name of names) builder.add({ kind: "remove-image", name, optional: true }, [join]);
}
