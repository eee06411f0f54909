import { invalidParameter } from "@berth/base";
import { LABEL } from "../labels.ts";
import type { ObservedProject } from "../observe/observed.ts";
import type { PlanBuilder } from "../plan/operation.ts";
import type { Target } from "../target.ts";

/** Networks and volumes that are missing. @returns by key, the step that makes them. */
export function planResources(
  builder: PlanBuilder,
  target: Target,
  observed: ObservedProject,
  services: readonly string[],
): { networks: Map<string, number>; volumes: Map<string, number> } {
  const { project } = target;
  const networks = new Map<string, number>();
  const volumes = new Map<string, number>();
  for (const key of usedNetworks(target, services)) {
    const network = project.networks[key];
    if (network === undefined) throw invalidParameter(`undefined network ${key}: invalid compose project`);
    const there = observed.networks.some(
      (each) => each.Name === network.name && each.Labels?.[LABEL.network] === key,
    );
    if (!there) networks.set(key, builder.add({ kind: "create-network", key }));
  }
  for (const key of usedVolumes(target, services)) {
    const volume = project.volumes[key];
    if (volume === undefined) continue;
    if (!observed.volumes.some((each) => each.Name === volume.name)) {
      volumes.set(key, builder.add({ kind: "create-volume", key }));
    }
  }
  return { networks, volumes };
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
