import { notFound } from "@berth/base";
import type { LoadedProject, Project, Service } from "../model.ts";

/** Parts services by whether a profile of theirs is active; `*` is all of them, no profile always. */
export function splitByProfile(
  services: Readonly<Record<string, Service>>,
  active: readonly string[],
): { enabled: Record<string, Service>; disabled: Record<string, Service> } {
  const enabled: Record<string, Service> = {};
  const disabled: Record<string, Service> = {};
  const all = active.includes("*");
  for (const [name, service] of Object.entries(services)) {
    const { profiles = [] } = service;
    const isOn = profiles.length === 0 || all || profiles.some((profile) => active.includes(profile));
    (isOn ? enabled : disabled)[name] = service;
  }
  return { enabled, disabled };
}

/** Takes away networks, volumes, secrets and configs that no service uses. */
export function withoutUnused(project: Project): Project {
  const used = {
    networks: new Set<string>(),
    volumes: new Set<string>(),
    secrets: new Set<string>(),
    configs: new Set<string>(),
    models: new Set<string>(),
  };
  for (const service of Object.values(project.services)) {
    for (const name of Object.keys(service.networks ?? {})) used.networks.add(name);
    for (const { type, source } of service.volumes ?? [])
      if (type === "volume" && source) used.volumes.add(source);
    for (const { source } of service.secrets ?? []) used.secrets.add(source);
    for (const { source } of service.build?.secrets ?? []) used.secrets.add(source);
    for (const { source } of service.configs ?? []) used.configs.add(source);
    for (const name of Object.keys(service.models ?? {})) used.models.add(name);
  }
  const pick = <T>(from: Record<string, T>, names: ReadonlySet<string>): Record<string, T> =>
    Object.fromEntries(Object.entries(from).filter(([name]) => names.has(name)));
  return {
    ...project,
    networks: pick(project.networks, used.networks),
    volumes: pick(project.volumes, used.volumes),
    secrets: pick(project.secrets, used.secrets),
    configs: pick(project.configs, used.configs),
    models: pick(project.models, used.models),
  };
}

/**
 * The project with only the named services and, unless told otherwise, what they depend on. No names: unchanged.
 * @throws BerthError when there is no such service
 */
export function selectServices(
  loaded: LoadedProject,
  names: readonly string[],
  options: { dependencies?: boolean } = {},
): LoadedProject {
  if (names.length === 0) return loaded;
  const { services } = loaded.project;
  const wanted = new Set<string>();
  const add = (name: string): void => {
    if (wanted.has(name)) return;
    wanted.add(name);
    if (options.dependencies === false) return;
    for (const other of Object.keys(services[name]?.depends_on ?? {}))
      if (services[other] !== undefined) add(other);
  };
  for (const name of names) {
    if (services[name] === undefined) throw notFound(`no such service: ${name}`);
    add(name);
  }
  const selected = Object.fromEntries(Object.entries(services).filter(([name]) => wanted.has(name)));
  return { ...loaded, project: { ...loaded.project, services: selected } };
}
