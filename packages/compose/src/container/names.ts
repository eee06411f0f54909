import { newId } from "@berth/base";
import { COMPOSE_VERSION, LABEL } from "../labels.ts";
import type { Project } from "../model.ts";
import type { NamedService, Target } from "../target.ts";

/** `-`, or `_` for names as docker-compose 1.x gave them (COMPOSE_COMPATIBILITY, `--compatibility`). */
export type Separator = "-" | "_";

export function containerName(
  project: Project,
  service: NamedService,
  number: number,
  separator: Separator,
): string {
  return service.container_name || [project.name, service.name, number].join(separator);
}

export function oneOffName(project: Project, service: NamedService, separator: Separator): string {
  return [project.name, service.name, "run", newId().slice(0, 12)].join(separator);
}

/** The image that a service runs: its own name, or what its build is called. */
export function imageNameOf(
  project: Pick<Project, "name">,
  service: NamedService,
  separator: Separator = "-",
): string {
  return service.image || `${project.name}${separator}${service.name}`;
}

/** The labels of a container, besides the service's own. */
export function containerLabels(
  target: Target,
  service: NamedService,
  more: { number: number; oneOff: boolean; configHash: string; imageId: string; replaces?: string },
): Record<string, string> {
  const dependsOn = Object.entries(service.depends_on ?? {})
    .map(([name, { condition, restart }]) => `${name}:${condition}:${restart === true}`)
    .join(",");
  return {
    [LABEL.configHash]: more.configHash,
    [LABEL.number]: String(more.number),
    [LABEL.dependsOn]: dependsOn,
    [LABEL.image]: more.imageId,
    [LABEL.oneOff]: more.oneOff ? "True" : "False",
    [LABEL.project]: target.project.name,
    [LABEL.configFiles]: target.files.join(","),
    [LABEL.workingDirectory]: target.workingDirectory,
    ...(target.environmentFiles.length > 0 && {
      [LABEL.environmentFiles]: target.environmentFiles.join(","),
    }),
    [LABEL.service]: service.name,
    [LABEL.version]: COMPOSE_VERSION,
    ...(more.replaces !== undefined && { [LABEL.replace]: more.replaces }),
  };
}
