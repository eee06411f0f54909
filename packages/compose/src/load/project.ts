import type { Project, Service } from "../model.ts";
import type { Dict } from "./source.ts";

/** A merged model as a project: every section is there, every external name is in its place. */
export function toProject(model: Dict, name: string): Project {
  const {
    services,
    networks,
    volumes,
    secrets,
    configs,
    models,
    name: _name,
    include: _include,
    ...rest
  } = model;
  const project = {
    ...rest,
    name,
    services: (services ?? {}) as Record<string, Service>,
    networks: (networks ?? {}) as Project["networks"],
    volumes: (volumes ?? {}) as Project["volumes"],
    secrets: (secrets ?? {}) as Project["secrets"],
    configs: (configs ?? {}) as Project["configs"],
    models: (models ?? {}) as Project["models"],
  } as Project;
  for (const network of Object.values(project.networks)) network.ipam ??= {};
  for (const service of Object.values(project.services)) relocate(service as Service & Old);
  return project;
}

interface Old {
  log_driver?: string;
  log_opt?: Record<string, string>;
  net?: string;
}

/** Attributes of old files, moved to where they are now. */
function relocate(service: Service & Old): void {
  const { log_driver: driver, log_opt: options } = service;
  if (driver !== undefined || options !== undefined) {
    service.logging = {
      ...(driver !== undefined && { driver }),
      ...(options !== undefined && { options }),
      ...service.logging,
    };
    delete service.log_driver;
    delete service.log_opt;
  }
}
