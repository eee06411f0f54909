import {
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { SecretProvider, SshProvider } from "@berth/api/build";
import { runJob } from "@berth/archive";
import { type Digest, invalidParameter, log, messageOf, notFound, notImplemented } from "@berth/base";
import { S, type Stat } from "@berth/linux";
import type { SpecMount } from "@berth/runtime";
import type { Snapshots } from "@berth/snapshot";
import type { RunMount, RunNode } from "../graph/operation.ts";
import { layerFolders } from "../layers/new-layer.ts";
import { LayerStack } from "../layers/stack.ts";
import type { CacheMounts } from "./cache-mounts.ts";
import { forwardAgent } from "./ssh-agent.ts";

/** A path in layers, base first. */
export interface MountPlace {
  chain: readonly Digest[];
  path: string;
}

/** What the mounts of a RUN are made of; results of other nodes are layer chains. */
export interface MountParts {
  snapshots: Snapshots;
  cacheMounts: CacheMounts;
  secrets?: SecretProvider;
  ssh?: SshProvider;
  /** What a mount that has a source shows. */
  placeOf(mount: RunMount & { type: "bind" | "cache" }): MountPlace;
  /** What a cache mount that is not here had in it elsewhere. */
  importedMount(id: string): ((folder: string, signal: AbortSignal) => Promise<void>) | undefined;
  /** A folder of the run, on the data root, and one that is never on a disk where the host has it so. */
  folder: string;
  privateFolder: string;
}

export interface StepMounts extends AsyncDisposable {
  mounts: SpecMount[];
  env: string[];
}

const FIRST_LENGTH = 500 * 1024;
/** Bytes that one mount takes, with room for what is in a path besides layers. */
const MAX_OPTIONS = 3500;

/** Makes ready what `RUN --mount` asks for. Disposing gives all of it back. @throws with BuildKit's sentences */
export async function prepareMounts(
  node: RunNode,
  parts: MountParts,
  signal: AbortSignal,
): Promise<StepMounts> {
  await using undo = new AsyncDisposableStack();
  const mounts: SpecMount[] = [];
  const env: string[] = [];
  let number = 0;
  for (const mount of node.mounts) {
    const index = number++;
    if (mount.type === "bind") mounts.push(bindMount(mount, parts, index));
    else if (mount.type === "cache") mounts.push(await cacheMount(mount, parts, undo, signal));
    else if (mount.type === "tmpfs") {
      const options = mount.size === undefined || mount.size === 0 ? [] : [`size=${mount.size}`];
      mounts.push({ type: "tmpfs", destination: mount.target, source: "tmpfs", readOnly: false, options });
    } else if (mount.type === "secret") {
      const value = await parts.secrets?.get(mount.id, signal);
      if (value === undefined) {
        if (mount.required) throw notFound(`secret ${mount.id}: not found`);
        continue;
      }
      if (value.length > FIRST_LENGTH) throw invalidParameter(`secret ${mount.id} is larger than 500KB`);
      if (mount.env !== undefined) env.push(`${mount.env}=${Buffer.from(value).toString()}`);
      if (mount.target === undefined) continue;
      mkdirSync(parts.privateFolder, { recursive: true, mode: 0o700 });
      const path = join(parts.privateFolder, `secret-${index}`);
      writeFileSync(path, value, { mode: 0o600 });
      undo.defer(() => rmSync(path, { force: true }));
      chownSync(path, mount.uid, mount.gid);
      chmodSync(path, mount.mode & 0o7777);
      mounts.push(bind(mount.target, path, true));
    } else {
      if (parts.ssh === undefined || !(await parts.ssh.has(mount.id, signal))) {
        if (mount.required) throw notFound(`unset ssh forward key ${mount.id}`);
        continue;
      }
      mkdirSync(parts.privateFolder, { recursive: true, mode: 0o700 });
      const path = join(parts.privateFolder, `ssh-${index}.sock`);
      undo.use(forwardAgent(path, parts.ssh, mount.id, signal));
      chownSync(path, mount.uid, mount.gid);
      chmodSync(path, mount.mode & 0o7777);
      const target = mount.target ?? `/run/buildkit/ssh_agent.${index}`;
      if (!env.some((each) => each.startsWith("SSH_AUTH_SOCK="))) env.push(`SSH_AUTH_SOCK=${target}`);
      mounts.push(bind(target, path, false));
    }
  }
  for (const [index, script] of node.scripts.entries()) {
    const path = join(parts.folder, `script-${index}`);
    writeFileSync(path, script.content, { mode: 0o755 });
    chmodSync(path, 0o755);
    mounts.push(bind(script.path, path, true));
  }
  const missing = node.devices.find((device) => device.required);
  if (missing !== undefined) throw notImplemented(`device ${missing.name}: CDI devices are not supported`);
  mounts.sort((a, b) => depth(a.destination) - depth(b.destination));
  const held = undo.move();
  return { mounts, env, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function bind(destination: string, source: string, readOnly: boolean): SpecMount {
  return {
    type: "bind",
    destination,
    source,
    readOnly,
    propagation: "rprivate",
    // What is not a folder has no mounts below it, and crun fails when it shall make them read-only.
    ...(!statSync(source).isDirectory() && { readOnlyNonRecursive: true }),
  };
}

function depth(path: string): number {
  return path.split("/").length;
}

/** Part of other layers, seen by the step without anything being copied. */
function bindMount(mount: RunMount & { type: "bind" }, parts: MountParts, index: number): SpecMount {
  const place = findPlace(parts, parts.placeOf(mount), mount.source);
  const { target: destination } = mount;
  if (!place.isFolder) {
    const path = place.paths[0] as string;
    return mount.readWrite
      ? bind(destination, ownCopy(path, place.stat, join(parts.folder, `file-${index}`)), false)
      : bind(destination, path, true);
  }
  if (!mount.readWrite && place.paths.length === 1) {
    return bind(destination, place.paths[0] as string, true);
  }
  const lower =
    place.paths.join(":").length < MAX_OPTIONS
      ? place.paths
      : shortNames(place.paths, join(parts.privateFolder, `l${index}`));
  const options = [`lowerdir=${lower.map(escapeOverlay).join(":")}`];
  if (mount.readWrite) {
    const upper = join(parts.folder, `upper-${index}`);
    const work = join(parts.folder, `work-${index}`);
    for (const folder of [upper, work]) mkdirSync(folder, { mode: 0o755 });
    chownSync(upper, place.stat.uid, place.stat.gid);
    chmodSync(upper, place.stat.mode & 0o7777);
    options.push(`upperdir=${escapeOverlay(upper)}`, `workdir=${escapeOverlay(work)}`);
  }
  if (options.join(",").length > 4000) {
    throw notImplemented(
      `RUN --mount=type=bind: ${place.paths.length} layers are too many to be mounted at once`,
    );
  }
  return {
    type: "volume",
    destination,
    source: "overlay",
    filesystem: "overlay",
    options,
    readOnly: !mount.readWrite,
  };
}

/** What the step writes into it is thrown away with the step. */
function ownCopy(path: string, { mode, uid, gid }: Stat, copy: string): string {
  copyFileSync(path, copy, constants.COPYFILE_FICLONE);
  chownSync(copy, uid, gid);
  chmodSync(copy, mode & 0o7777);
  return copy;
}

/** Short names for layers whose paths together are too long for one mount. */
function shortNames(layers: readonly string[], folder: string): string[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return layers.map((layer, index) => {
    const name = join(folder, index.toString(36));
    symlinkSync(layer, name);
    return name;
  });
}

async function cacheMount(
  mount: RunMount & { type: "cache" },
  parts: MountParts,
  undo: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<SpecMount> {
  const { mode, uid, gid, sharing } = mount;
  const fill = async (folder: string) => {
    const { chain, path } = parts.placeOf(mount);
    if (chain.length === 0) return;
    const stack = new LayerStack(layerFolders(parts.snapshots, chain));
    if (stack.resolve(path)?.isFolder !== true) return;
    await runJob(
      {
        job: "copy-up",
        view: { kind: "rootfs", rootfs: parts.snapshots.view(chain), readOnly: true },
        copies: [{ from: path, to: folder }],
      },
      { signal },
    );
  };
  const imported = mount.from === undefined ? parts.importedMount(mount.id) : undefined;
  const origin = mount.from === undefined ? "" : `${parts.placeOf(mount).chain.at(-1) ?? ""}:${mount.source}`;
  const taken = await parts.cacheMounts.take(
    {
      name: origin === "" ? mount.id : `${mount.id}@${origin}`,
      sharing,
      mode,
      uid,
      gid,
      ...(mount.from !== undefined && { fill }),
      ...(imported !== undefined && {
        async fill(folder) {
          await imported(folder, signal).catch((error) => {
            signal.throwIfAborted();
            // Half of it is worth nothing.
            rmSync(folder, { recursive: true, force: true });
            mkdirSync(folder, { mode: 0o700 });
            log.warn("an imported cache mount cannot be used", { id: mount.id, error: messageOf(error) });
          });
        },
      }),
    },
    signal,
  );
  undo.defer(() => taken[Symbol.dispose]());
  return bind(mount.target, taken.path, mount.readOnly);
}

function findPlace(parts: MountParts, { chain, path }: MountPlace, source: string) {
  const stack = new LayerStack(layerFolders(parts.snapshots, chain));
  const place = stack.resolve(path);
  if (place === undefined) {
    throw notFound(
      `failed to compute cache key: failed to calculate checksum of ref: ${JSON.stringify(source)}: not found`,
    );
  }
  const kind = place.stat.mode & S.IFMT;
  if (kind !== S.IFDIR && kind !== S.IFREG) {
    throw invalidParameter(`cannot mount ${source}: neither a file nor a folder`);
  }
  return place;
}

/** Go through OCI options: a comma ends an option, a colon a path. */
function escapeOverlay(path: string): string {
  return path.replace(/[\\:,]/g, "\\$&");
}
