import { lookup } from "node:dns/promises";
import { existsSync, lstatSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { type BerthError, invalidParameter, messageOf, systemError } from "@berth/base";
import type { SpecMount } from "@berth/runtime";
import type { VolumeMount, VolumeUse } from "@berth/volume";
import type { Container } from "../container/container.ts";
import { cleanPath, isBelow } from "../container/path.ts";
import type { MountRecord } from "../container/record.ts";
import type { EngineContext } from "../context.ts";
import { tmpfsMountOptions } from "./parse.ts";

/**
 * What is mounted into a container beside the system's own mounts: tmpfs, volumes, binds, images.
 * Folders that `-v` names and that are missing are made.
 * @throws with Docker's sentences.
 */
export async function prepareMounts(engine: EngineContext, container: Container): Promise<SpecMount[]> {
  const { record } = container;
  const mounts: SpecMount[] = [];
  for (const [path, options] of Object.entries(record.hostConfig.Tmpfs ?? {})) {
    mounts.push({
      type: "tmpfs",
      destination: cleanPath(path),
      source: "tmpfs",
      readOnly: false,
      options: options === "" ? [] : options.split(","),
    });
  }
  for (const mount of record.mounts) mounts.push(await prepareMount(engine, mount));
  return mounts;
}

async function prepareMount(engine: EngineContext, mount: MountRecord): Promise<SpecMount> {
  switch (mount.type) {
    case "tmpfs":
      return {
        type: "tmpfs",
        destination: mount.destination,
        source: "tmpfs",
        readOnly: !mount.readWrite,
        options: tmpfsMountOptions(mount.spec ?? {}),
      };
    case "image":
      return imageMount(engine, mount);
    case "volume":
      return volumeMount(engine, mount);
    default:
      return bindMount(mount);
  }
}

function bindMount(mount: MountRecord): SpecMount {
  const { source, spec } = mount;
  const mayCreate = !mount.fromMountApi || spec?.BindOptions?.CreateMountpoint;
  if (!existsSync(source)) {
    if (!mayCreate) {
      throw invalidParameter(
        `invalid mount config for type "bind": bind source path does not exist: ${source}`,
      );
    }
    try {
      mkdirSync(source, { recursive: true, mode: 0o755 });
    } catch (error) {
      throw systemError(
        `error while creating mount source path '${source}': mkdir ${source}: ${reason(error)}`,
        { cause: error },
      );
    }
  }
  const bind = spec?.BindOptions;
  return {
    type: "bind",
    destination: mount.destination,
    source,
    readOnly: !mount.readWrite,
    propagation: mount.propagation || "rprivate",
    ...(bind?.NonRecursive ? { nonRecursive: true } : {}),
    ...(bind?.ReadOnlyNonRecursive || !isFolder(source) ? { readOnlyNonRecursive: true } : {}),
    ...(bind?.ReadOnlyForceRecursive ? { readOnlyForceRecursive: true } : {}),
  };
}

/** What is not a folder has no mounts below it, and crun fails when it shall make them read-only. */
function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? true;
}

async function volumeMount(engine: EngineContext, mount: MountRecord): Promise<SpecMount> {
  const use = engine.volumes.use(mount.name ?? "");
  const subpath = mount.spec?.VolumeOptions?.Subpath ?? "";
  const common = { type: "volume", destination: mount.destination, readOnly: !mount.readWrite } as const;
  if (use.mount === undefined) {
    const source = subpath === "" ? use.path : below(use.path, subpath, "volume");
    return {
      ...common,
      source,
      ...(subpath === "" ? {} : { beneath: { folder: use.path, path: subpath } }),
      propagation: "rprivate",
      ...(isFolder(source) ? {} : { readOnlyNonRecursive: true }),
    };
  }
  const { type, source, options } = await resolved(use, use.mount);
  return {
    ...common,
    source,
    filesystem: type,
    options,
    ...(subpath === "" ? {} : { beneath: { path: subpath } }),
  };
}

/** A folder of a volume or an image. @throws invalid-parameter when it is not there, or a link leads out. */
function below(root: string, subpath: string, what: "volume" | "image"): string {
  const path = join(root, subpath);
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    throw invalidParameter(`cannot access path ${path}: ${reason(error)}`, { cause: error });
  }
  if (!isBelow(real, realpathSync(root))) {
    throw invalidParameter(`path ${subpath} escapes from the ${what}`);
  }
  return real;
}

/** What a volume's options ask, ready for mount(2): the address of a server by number, a bind's source checked. */
async function resolved(use: VolumeUse, mount: VolumeMount): Promise<VolumeMount> {
  const failure = (text: string, cause?: unknown): BerthError =>
    systemError(
      `error while mounting volume '${use.path}': failed to mount local volume: ${text}`,
      cause === undefined ? {} : { cause },
    );
  if (mount.type === "bind") {
    if (!lstatSync(mount.source, { throwIfNoEntry: false })) {
      throw failure(`mount ${mount.source}:${use.path}, flags: 0x1000: no such file or directory`);
    }
    return mount;
  }
  if (!["nfs", "nfs4", "cifs"].includes(mount.type)) return mount;
  const options = await Promise.all(
    mount.options.map(async (option) => {
      const host = /^addr=(.+)$/.exec(option)?.[1];
      if (host === undefined || isIP(host) !== 0) return option;
      try {
        return `addr=${(await lookup(host)).address}`;
      } catch (error) {
        throw failure(`error resolving passed in network volume address: ${messageOf(error)}`, error);
      }
    }),
  );
  return { ...mount, options };
}

function imageMount(engine: EngineContext, mount: MountRecord): SpecMount {
  const subpath = mount.spec?.ImageOptions?.Subpath ?? "";
  const view = engine.snapshots.view(engine.images.resolve(mount.source).chain);
  const common = { type: "image", destination: mount.destination, readOnly: true } as const;
  const [only, ...more] = view.kind === "directory" ? [view.path] : view.lower;
  // overlayfs needs two folders when there is none to write to.
  if (only !== undefined && more.length === 0) {
    const source = subpath === "" ? only : below(only, subpath, "image");
    return {
      ...common,
      source,
      propagation: "rprivate",
      ...(subpath === "" ? {} : { beneath: { folder: only, path: subpath } }),
      ...(isFolder(source) ? {} : { readOnlyNonRecursive: true }),
    };
  }
  return {
    ...common,
    source: "overlay",
    filesystem: "overlay",
    options: [`lowerdir=${[only ?? "", ...more].map(escapeLower).join(":")}`],
    ...(subpath === "" ? {} : { beneath: { path: subpath } }),
  };
}

/** overlayfs reads `:` and `\` in a path only when they are escaped. */
const escapeLower = (path: string) => path.replace(/[\\:,]/g, "\\$&");

/** The kernel's words for an errno, as Go prints them. */
function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const words: Record<string, string> = {
    ENOENT: "no such file or directory",
    EEXIST: "file exists",
    ENOTDIR: "not a directory",
    EACCES: "permission denied",
    EPERM: "operation not permitted",
    EROFS: "read-only file system",
    ENOSPC: "no space left on device",
    ELOOP: "too many levels of symbolic links",
  };
  return words[code] ?? messageOf(error);
}
