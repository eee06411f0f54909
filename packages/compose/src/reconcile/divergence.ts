import { LABEL } from "../labels.ts";
import type { ObservedContainer, ObservedProject } from "../observe/observed.ts";
import type { NamedService, Target } from "../target.ts";

/** When containers are made anew. */
export type RecreatePolicy = "diverged" | "never" | "force";

export interface Desired {
  service: NamedService;
  /** undefined: depends on a container that is yet to be made. */
  configHash: string | undefined;
  /** Id of the image as it is now; undefined: not known. */
  imageId: string | undefined;
  /** Of the files that are copied into it; undefined: none are. */
  filesHash: string | undefined;
}

/** Why a container is not what it should be; undefined: it is. */
export function divergence(
  target: Target,
  observed: ObservedProject,
  desired: Desired,
  container: ObservedContainer,
): string | undefined {
  if (desired.configHash === undefined) return "a container that it depends on is made anew";
  if (container.configHash !== desired.configHash) return "configuration changed";
  const image = container.summary.Labels?.[LABEL.image];
  if (desired.imageId !== undefined && image !== undefined && image !== desired.imageId)
    return "image changed";
  // Containers of other clients do not say it.
  const files = container.summary.Labels?.[LABEL.filesHash];
  if (desired.filesHash !== undefined && files !== undefined && files !== desired.filesHash)
    return "a secret or config changed";
  return (
    networkDivergence(target, observed, desired.service, container) ??
    volumeDivergence(target, desired.service, container)
  );
}

/** A network that was removed and made again has another id: a container that still names the old one cannot start. */
function networkDivergence(
  target: Target,
  observed: ObservedProject,
  service: NamedService,
  container: ObservedContainer,
): string | undefined {
  if (service.network_mode) return undefined;
  const attached = container.summary.NetworkSettings?.Networks ?? {};
  for (const key of Object.keys(service.networks ?? {})) {
    const declared = target.project.networks[key];
    if (declared === undefined) continue;
    const endpoint = attached[declared.name];
    if (endpoint === undefined) return `not attached to network ${declared.name}`;
    const now = observed.networks.find((network) => network.Name === declared.name);
    if (now !== undefined && endpoint.NetworkID && endpoint.NetworkID !== now.Id) {
      return `network ${declared.name} was made anew`;
    }
  }
  return undefined;
}

function volumeDivergence(
  target: Target,
  service: NamedService,
  container: ObservedContainer,
): string | undefined {
  const mounts = container.summary.Mounts ?? [];
  for (const volume of service.volumes ?? []) {
    if (volume.type !== "volume" || !volume.source) continue;
    const name = target.project.volumes[volume.source]?.name;
    if (name !== undefined && !mounts.some((mount) => mount.Name === name))
      return `volume ${name} is not mounted`;
  }
  return undefined;
}
