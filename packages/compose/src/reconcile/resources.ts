import { invalidParameter } from "@berth/base";
import { resourceHash } from "../config-hash.ts";
import { COMPOSE_VERSION, LABEL } from "../labels.ts";
import type { Network, Volume } from "../model.ts";
import type { ObservedContainer, ObservedProject } from "../observe/observed.ts";
import type { PlanBuilder } from "../plan/operation.ts";
import { serviceOf, type Target } from "../target.ts";
import { planStop } from "./stops.ts";

export interface ResourcePlan {
  /** By key: the step after which it is there. */
  networks: Map<string, number>;
  volumes: Map<string, number>;
  /** Keys of networks that are made anew: so are the containers that are on them. */
  remade: Set<string>;
  /** Names of volumes that are not what the file says: their data is worth more than that. */
  divergedVolumes: string[];
}

interface ResourceOptions {
  /** false: what is there stays as it is. */
  remake: boolean;
  /** Seconds that containers get to stop. */
  timeout?: number;
}

/** Networks and volumes that are missing, and networks that are not what the file says. */
export function planResources(
  builder: PlanBuilder,
  target: Target,
  observed: ObservedProject,
  services: readonly string[],
  options: ResourceOptions = { remake: false },
): ResourcePlan {
  const { project } = target;
  const plan: ResourcePlan = {
    networks: new Map(),
    volumes: new Map(),
    remade: new Set(),
    divergedVolumes: [],
  };
  for (const key of usedNetworks(target, services)) {
    const network = project.networks[key];
    if (network === undefined) throw invalidParameter(`undefined network ${key}: invalid compose project`);
    const there = observed.networks.find(
      (each) => each.Name === network.name && each.Labels?.[LABEL.network] === key,
    );
    let before: number[] = [];
    if (there !== undefined) {
      if (network.external || !options.remake || !isDiverged(network, there.Labels)) continue;
      plan.remade.add(key);
      before = planNetworkRemoval(builder, target, observed.containers, there, options);
    }
    plan.networks.set(key, builder.add({ kind: "create-network", key }, before));
  }
  for (const key of usedVolumes(target, services)) {
    const volume = project.volumes[key];
    if (volume === undefined) continue;
    const there = observed.volumes.find((each) => each.Name === volume.name);
    if (there === undefined) plan.volumes.set(key, builder.add({ kind: "create-volume", key }));
    else if (!volume.external && isDiverged(volume, there.Labels)) plan.divergedVolumes.push(volume.name);
  }
  return plan;
}

/** Only of what we made can be told what it was made from. */
function isDiverged(
  resource: Network | Volume,
  labels: Readonly<Record<string, string>> | null | undefined,
): boolean {
  const made = labels?.[LABEL.configHash];
  return made !== undefined && labels?.[LABEL.version] === COMPOSE_VERSION && made !== resourceHash(resource);
}

/** A network cannot be removed while containers are on it. */
function planNetworkRemoval(
  builder: PlanBuilder,
  target: Target,
  containers: readonly ObservedContainer[],
  network: { Id: string; Name: string },
  options: ResourceOptions,
): number[] {
  const { Id: id, Name: name } = network;
  const gone = containers
    .filter(({ summary }) => summary.NetworkSettings?.Networks?.[name] !== undefined)
    .map((container) => {
      const isLive = container.state !== "created" && container.state !== "exited";
      const stopped = isLive
        ? planStop(builder, serviceOf(target, container.service), container, [], options)
        : undefined;
      return builder.add(
        { kind: "disconnect-network", id, name, container: container.name, containerId: container.id },
        [stopped],
      );
    });
  return [builder.add({ kind: "remove-network", id, name, replaced: true }, gone)];
}

export function usedNetworks(target: Target, services: readonly string[]): string[] {
  const used = new Set<string>();
  for (const name of services) {
    for (const key of Object.keys(target.project.services[name]?.networks ?? {})) used.add(key);
  }
  return [...used].sort();
}

export function usedVolumes(target: Target, services: readonly string[]): string[] {
  const used = new Set<string>();
  for (const name of services) {
    for (const mount of target.project.services[name]?.volumes ?? []) {
      if (mount.type === "volume" && mount.source) used.add(mount.source);
    }
  }
  return [...used].sort();
}
