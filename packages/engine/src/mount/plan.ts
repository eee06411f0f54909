import type { ContainerConfig, HostConfig } from "@berth/api";
import { invalidParameter, isKind } from "@berth/base";
import { cleanPath } from "../container/path.ts";
import type { MountRecord } from "../container/record.ts";
import type { ContainerStore } from "../container/store.ts";
import { parseMode } from "./mode.ts";
import { type ParsedMount, parseBind, parseMount, parseVolumesFrom } from "./parse.ts";

/** A mount as it will be recorded; a volume's name is still empty when it is to be made without one. */
export type PlannedMount = MountRecord & {
  /** Options and labels for a volume that does not exist yet. */
  volume?: { options: Record<string, string> | null; labels: Record<string, string> | null };
};

/**
 * All mounts of a new container: `--volumes-from`, then `-v` and `--mount`, then VOLUME of the image for what is left.
 * A later source takes the place of `--volumes-from`; two of `-v`, `--mount` and `--tmpfs` on one path are refused.
 * @throws invalid-parameter with Docker's sentences, not-found.
 */
export function planMounts(
  config: ContainerConfig,
  host: HostConfig,
  containers: ContainerStore,
): PlannedMount[] {
  const mounts = new Map<string, PlannedMount>();
  for (const text of host.VolumesFrom ?? []) {
    for (const mount of mountsFrom(text, containers)) mounts.set(mount.destination, mount);
  }
  const asked = new Set(Object.keys(host.Tmpfs ?? {}).map(cleanPath));
  const add = (parsed: ParsedMount, defaultMode: string) => {
    if (asked.has(parsed.destination)) throw invalidParameter(`Duplicate mount point: ${parsed.destination}`);
    asked.add(parsed.destination);
    mounts.set(parsed.destination, planned(parsed, defaultMode));
  };
  // Docker labels volumes for SELinux unless told otherwise; inspect shows the `z`.
  for (const bind of host.Binds ?? []) add(parseBind(bind, host.VolumeDriver), "z");
  for (const mount of host.Mounts ?? []) add(parseMount(mount), "z");
  for (const path of Object.keys(config.Volumes ?? {})) {
    const destination = cleanPath(path);
    if (!destination.startsWith("/") || destination === "/") continue;
    if (mounts.has(destination) || asked.has(destination)) continue;
    mounts.set(destination, {
      type: "volume",
      destination,
      source: "",
      driver: host.VolumeDriver || "local",
      readWrite: true,
      mode: "",
      propagation: "",
      copy: true,
      anonymous: true,
      fromMountApi: false,
    });
  }
  return [...mounts.values()];
}

function planned(parsed: ParsedMount, defaultMode: string): PlannedMount {
  const mount: PlannedMount = {
    type: parsed.type,
    destination: parsed.destination,
    source: parsed.source,
    readWrite: parsed.readWrite,
    mode: parsed.mode || (parsed.type === "volume" && parsed.name !== "" ? defaultMode : ""),
    propagation: parsed.propagation,
    copy: parsed.copy,
    fromMountApi: parsed.fromMountApi,
    spec: parsed.spec,
  };
  if (parsed.type === "volume") {
    mount.driver = parsed.driver || "local";
    if (parsed.name === "") mount.anonymous = true;
    else mount.name = parsed.name;
    const options = parsed.spec.VolumeOptions;
    mount.volume = { options: options?.DriverConfig?.Options ?? null, labels: options?.Labels ?? null };
  }
  return mount;
}

function mountsFrom(text: string, containers: ContainerStore): PlannedMount[] {
  const { container: reference, mode } = parseVolumesFrom(text);
  let source: ReturnType<ContainerStore["get"]>;
  try {
    source = containers.get(reference);
  } catch (error) {
    throw isKind(error, "not-found") ? invalidParameter(error.message) : error;
  }
  const readOnly = parseMode(mode).readOnly;
  return source.record.mounts.map(({ anonymous: _, ...mount }) => ({
    ...mount,
    readWrite: mount.readWrite && !readOnly,
    // The volume was filled for the container that it comes from.
    copy: false,
  }));
}
