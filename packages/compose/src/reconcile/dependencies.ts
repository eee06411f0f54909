import { invalidParameter } from "@berth/base";
import type { Service } from "../model.ts";

/** Services whose containers a service's own containers name: they must be there before it is made. */
export function references(service: Service): string[] {
  const names: string[] = [];
  for (const mode of [service.network_mode, service.pid, service.ipc]) {
    if (mode?.startsWith("service:")) names.push(mode.slice("service:".length));
  }
  for (const entry of service.volumes_from ?? []) {
    if (!entry.startsWith("container:")) names.push(entry.split(":")[0]!);
  }
  for (const link of service.links ?? []) names.push(link.split(":")[0]!);
  return [...new Set(names)];
}

/** Services whose namespaces or volumes a service shares: it is made anew with them. */
export function shares(service: Service): string[] {
  return references({ ...service, links: [] });
}

/** Names of what a service needs. */
export function dependenciesOf(service: Service): string[] {
  return [...new Set([...Object.keys(service.depends_on ?? {}), ...references(service)])];
}

/** Every service after those that it needs. @throws invalid-parameter for a cycle, with its path. */
export function inOrder(services: Readonly<Record<string, Service>>): string[] {
  const order: string[] = [];
  const state = new Map<string, "open" | "done">();
  const visit = (name: string, path: readonly string[]): void => {
    const service = services[name];
    if (service === undefined || state.get(name) === "done") return;
    if (state.get(name) === "open") {
      throw invalidParameter(
        `dependency cycle detected: ${[...path.slice(path.indexOf(name)), name].join(" -> ")}`,
      );
    }
    state.set(name, "open");
    for (const dependency of dependenciesOf(service)) visit(dependency, [...path, name]);
    state.set(name, "done");
    order.push(name);
  };
  for (const name of Object.keys(services).sort()) visit(name, []);
  return order;
}

/** `names` and all that they need. Empty: every service. @throws invalid-parameter for an unknown one. */
export function withDependencies(
  services: Readonly<Record<string, Service>>,
  names: readonly string[],
  options: { dependencies: boolean },
): Set<string> {
  if (names.length === 0) return new Set(Object.keys(services));
  const chosen = new Set<string>();
  const add = (name: string): void => {
    if (chosen.has(name)) return;
    const service = services[name];
    if (service === undefined) throw invalidParameter(`no such service: ${name}`);
    chosen.add(name);
    if (!options.dependencies) return;
    for (const dependency of dependenciesOf(service)) {
      if (dependency in services || service.depends_on?.[dependency]?.required !== false) add(dependency);
    }
  };
  for (const name of names) add(name);
  return chosen;
}

/** Names of the services that need `name`, directly. */
export function dependentsOf(services: Readonly<Record<string, Service>>, name: string): string[] {
  return Object.keys(services).filter((other) => dependenciesOf(services[other]!).includes(name));
}
