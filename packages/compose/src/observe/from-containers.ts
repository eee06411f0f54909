import { LABEL } from "../labels.ts";
import type { Dependency, Project, Service } from "../model.ts";
import type { Target } from "../target.ts";
import type { ObservedContainer } from "./observed.ts";

/** A project without its file: services and their dependencies as the containers' labels tell them. */
export function targetFromContainers(name: string, containers: readonly ObservedContainer[]): Target {
  const services: Record<string, Service> = {};
  for (const container of containers) {
    const known = services[container.service];
    if (known !== undefined) {
      known.scale = (known.scale ?? 1) + (container.oneOff ? 0 : 1);
      continue;
    }
    const depends = dependenciesOfLabel(container.summary.Labels?.[LABEL.dependsOn]);
    services[container.service] = {
      image: container.imageName,
      command: null,
      entrypoint: null,
      scale: 1,
      ...(Object.keys(depends).length > 0 && { depends_on: depends }),
    };
  }
  for (const service of Object.values(services)) {
    for (const dependency of Object.keys(service.depends_on ?? {})) {
      if (!(dependency in services)) delete service.depends_on![dependency];
    }
  }
  const labels = containers[0]?.summary.Labels ?? {};
  const project: Project = {
    name,
    services,
    networks: {},
    volumes: {},
    secrets: {},
    configs: {},
    models: {},
  };
  return {
    project,
    workingDirectory: labels[LABEL.workingDirectory] ?? "",
    files: labels[LABEL.configFiles]?.split(",") ?? [],
    environmentFiles: [],
    environment: {},
  };
}

/** `db:service_healthy:true,job:service_started:false` */
export function dependenciesOfLabel(label: string | undefined): Record<string, Dependency> {
  const result: Record<string, Dependency> = {};
  for (const entry of (label ?? "").split(",")) {
    const [name, condition = "service_started", restart] = entry.split(":");
    if (!name) continue;
    result[name] = {
      condition: condition as Dependency["condition"],
      restart: restart === "true",
      required: true,
    };
  }
  return result;
}
