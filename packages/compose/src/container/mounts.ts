import type { Mount, MountPoint } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { Body } from "@berth/client";
import type { Project, Mount as ServiceMount } from "../model.ts";
import type { NamedService } from "../target.ts";

export interface Mounts {
  /** HostConfig.Binds: the daemon makes a source that is missing. */
  binds: string[];
  /** HostConfig.Mounts. */
  mounts: Body<Mount>[];
  /** HostConfig.Tmpfs */
  tmpfs: Record<string, string>;
}

/**
 * @param inherited mounts of the container in whose place the new one is made: anonymous volumes among them (also those that
 * the image declares) are mounted again.
 */
export function mountsOf(
  project: Project,
  service: NamedService,
  inherited: readonly MountPoint[] = [],
): Mounts {
  const result: Mounts = { binds: [], mounts: [], tmpfs: {} };
  const targets = new Set<string>();
  for (const text of service.tmpfs ?? []) {
    const at = text.indexOf(":");
    result.tmpfs[at < 0 ? text : text.slice(0, at)] = at < 0 ? "" : text.slice(at + 1);
  }
  for (const volume of service.volumes ?? []) {
    const target = volume.target ?? "";
    const normal = normalized(target);
    targets.add(normal);
    if (volume.type === "bind") addBind(result, volume, target);
    else if (volume.type === "tmpfs") result.mounts.push(tmpfsMount(volume, target));
    else if (volume.type === "volume") {
      const old = volume.source
        ? undefined
        : inherited.find((mount) => isAnonymous(project, mount) && normalized(mount.Destination) === normal);
      result.mounts.push(volumeMount(project, service, volume, target, old?.Name));
    } else if (volume.type === "image") {
      result.mounts.push({
        Type: "image",
        Source: volume.source ?? "",
        Target: target,
        ...(volume.image?.subpath && { ImageOptions: { Subpath: volume.image.subpath } }),
      });
    }
  }
  for (const mount of inherited) {
    const normal = normalized(mount.Destination);
    if (!isAnonymous(project, mount) || targets.has(normal) || normal in result.tmpfs) continue;
    result.mounts.push({ Type: "volume", Source: mount.Name ?? "", Target: mount.Destination });
  }
  return result;
}

function addBind(result: Mounts, volume: ServiceMount, target: string): void {
  const { bind } = volume;
  const source = volume.source ?? "";
  // Without create_host_path a missing source is an error, which only the long form of the API says.
  if (bind?.create_host_path === true || bind?.selinux) {
    const mode = [volume.read_only ? "ro" : "rw", bind.selinux, bind.propagation].filter(Boolean).join(",");
    result.binds.push(`${source}:${target}:${mode}`);
    return;
  }
  const recursive = bind?.recursive;
  result.mounts.push({
    Type: "bind",
    Source: source,
    Target: target,
    ReadOnly: volume.read_only ?? false,
    ...(volume.consistency && { Consistency: volume.consistency }),
    ...((bind?.propagation || recursive) && {
      BindOptions: {
        ...(bind?.propagation && { Propagation: bind.propagation as "rprivate" }),
        ...(recursive === "disabled" && { NonRecursive: true }),
        ...(recursive === "writable" && { ReadOnlyNonRecursive: true }),
        ...(recursive === "readonly" && { ReadOnlyForceRecursive: true }),
      },
    }),
  });
}

function volumeMount(
  project: Project,
  service: NamedService,
  volume: ServiceMount,
  target: string,
  inherited: string | undefined,
): Body<Mount> {
  let source = inherited;
  if (volume.source) {
    const declared = project.volumes[volume.source];
    if (declared === undefined) {
      throw invalidParameter(
        `service ${JSON.stringify(service.name)} refers to undefined volume ${volume.source}: invalid compose project`,
      );
    }
    source = declared.name;
  }
  const options = volume.volume ?? {};
  return {
    Type: "volume",
    ...(source !== undefined && { Source: source }),
    Target: target,
    ReadOnly: volume.read_only ?? false,
    VolumeOptions: {
      ...(options.nocopy && { NoCopy: true }),
      ...(options.subpath && { Subpath: options.subpath }),
      ...(options.labels && { Labels: options.labels }),
    },
  };
}

function tmpfsMount(volume: ServiceMount, target: string): Body<Mount> {
  const size = volume.tmpfs?.size;
  return {
    Type: "tmpfs",
    Target: target,
    ReadOnly: volume.read_only ?? false,
    TmpfsOptions: {
      ...(size !== undefined && { SizeBytes: size }),
      ...(volume.tmpfs?.mode !== undefined && { Mode: volume.tmpfs.mode }),
    },
  };
}

/** A volume that no one gave a name: the daemon's names for those are 64 hexadecimal digits. */
function isAnonymous(project: Project, mount: MountPoint): boolean {
  if (mount.Type !== "volume" || !mount.Name) return false;
  const { Name: name } = mount;
  return (
    /^[0-9a-f]{64}$/.test(name) && !Object.values(project.volumes).some((volume) => volume.name === name)
  );
}

function normalized(path: string): string {
  return path.length > 1 ? path.replace(/\/+/g, "/").replace(/\/$/, "") : path;
}
