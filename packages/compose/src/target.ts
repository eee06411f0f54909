import type { LoadedProject, Service } from "./model.ts";

/** What commands work on: the project and where it comes from. */
export type Target = Pick<
  LoadedProject,
  "project" | "workingDirectory" | "files" | "environmentFiles" | "environment"
>;

/** A service that knows its name. */
export type NamedService = Service & { readonly name: string };

/** @throws nothing; undefined when no active profile has it. */
export function serviceOf(target: Pick<Target, "project">, name: string): NamedService | undefined {
  const service = target.project.services[name];
  return service === undefined ? undefined : { ...service, name };
}

export function servicesOf(target: Pick<Target, "project">): NamedService[] {
  return Object.entries(target.project.services).map(([name, service]) => ({ ...service, name }));
}

/** How many containers a service shall have. */
export function scaleOf(service: Service): number {
  return service.scale ?? service.deploy?.replicas ?? 1;
}
