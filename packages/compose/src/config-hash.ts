import { encoded, sha256 } from "@berth/base";
import type { References } from "./container/networking.ts";
import { namespaceMode } from "./container/networking.ts";
import type { Network, Service, Volume } from "./model.ts";
import { shares } from "./reconcile/dependencies.ts";

/** The service as one line of canonical JSON, in the order of attributes that Compose prints. */
export type RenderService = (service: Service) => string;

/**
 * The label `com.docker.compose.config-hash`: what a container was made from. Build instructions, pull policy and the number of
 * containers change nothing about a container. Equal to Compose v2's, so that neither makes the other's containers anew.
 * @returns undefined when it shares namespaces with a container that is not there yet.
 */
export function configHash(
  service: Service,
  render: RenderService,
  find: References["containersOf"],
): string | undefined {
  const { build: _build, pull_policy: _policy, scale: _scale, ...rest } = service;
  const resolved: Service = { ...rest };
  if (resolved.deploy !== undefined) {
    const { replicas: _replicas, ...deploy } = resolved.deploy;
    resolved.deploy = deploy;
  }
  const shared = shares(service);
  if (shared.some((name) => find(name).length === 0)) return undefined;
  if (shared.length > 0) {
    const lookup = { containersOf: find };
    if (resolved.network_mode) resolved.network_mode = namespaceMode(resolved.network_mode, lookup);
    if (resolved.pid) resolved.pid = namespaceMode(resolved.pid, lookup);
    if (resolved.ipc) resolved.ipc = namespaceMode(resolved.ipc, lookup);
  }
  if (resolved.volumes_from) {
    resolved.volumes_from = resolved.volumes_from.map((entry) => {
      const [first = "", second = ""] = entry.split(":");
      return first === "container" ? second : (find(first)[0]?.id ?? entry);
    });
  }
  return encoded(sha256(render(resolved)));
}

/** The same label of a network or volume: what it was made from. Compose 2.26 gives them none. */
export function resourceHash(resource: Network | Volume): string {
  return encoded(sha256(JSON.stringify(sorted(resource))));
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]),
  );
}
