import { invalidParameter } from "@berth/base";
import type { OciSpec } from "../runtime.ts";
import type { SpecInput, SpecMount } from "./input.ts";
import type { IpcMode } from "./namespaces.ts";
import { checkPropagation, reachesHost, rootPropagation } from "./propagation.ts";
import { tmpfsOptions } from "./tmpfs.ts";

export type OciMount = OciSpec["mounts"][number];

/** Where the init program of `--init` is inside a container. */
export const INIT_IN_CONTAINER = "/sbin/docker-init";
const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;
/** Mounts of the default set that a read-only root filesystem leaves writable. */
const ALWAYS_WRITABLE = new Set(["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"]);

export interface ContainerMounts {
  mounts: OciMount[];
  /** `linux.rootfsPropagation`. */
  propagation: string | undefined;
}

export interface MountRules {
  ipc: IpcMode;
  /** Path of the init program, when there shall be one. */
  init: string | undefined;
  writableCgroups: boolean;
}

/**
 * The mounts of a container: the file systems of the kernel, then what the user asked and the generated files of /etc,
 * sorted by the depth of their destinations. What the user mounts replaces a default of the same destination.
 * @throws invalid-parameter for tmpfs options and propagations that cannot be
 */
export function containerMounts(input: SpecInput, rules: MountRules): ContainerMounts {
  const { hostConfig } = input;
  const asked = new Set(input.mounts.map((mount) => mount.destination));
  const privileged = hostConfig.Privileged;
  const defaults = defaultMounts(input, rules)
    .filter(
      ({ destination }) => !asked.has(destination) && !(asked.has("/dev") && destination.startsWith("/dev/")),
    )
    .map((mount) => {
      const options = mount.options as string[];
      const readOnly = hostConfig.ReadonlyRootfs && !ALWAYS_WRITABLE.has(mount.destination);
      if (readOnly && !options.includes("ro")) options.push("ro");
      const writable =
        (privileged && mount.destination === "/sys") ||
        ((privileged || rules.writableCgroups) && mount.type === "cgroup");
      return writable ? { ...mount, options: options.filter((option) => option !== "ro") } : mount;
    });
  const more = [
    ...input.mounts.map((mount) => userMount(mount, input)),
    ...shmOfOthers(input, rules.ipc, asked),
    ...generatedFiles(input, asked),
  ];
  return {
    mounts: [...defaults, ...more.sort((a, b) => depth(a.destination) - depth(b.destination))],
    propagation: rootPropagation(input.mounts.map((mount) => mount.propagation ?? "")),
  };
}

function depth(path: string): number {
  return path.split("/").filter((part) => part !== "").length;
}

function defaultMounts(input: SpecInput, rules: MountRules): OciMount[] {
  const sealed = ["nosuid", "noexec", "nodev"];
  const mounts: OciMount[] = [
    { destination: "/proc", type: "proc", source: "proc", options: [...sealed] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: [...sealed, "ro"] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", ...sealed] },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: [...sealed] },
  ];
  if (rules.ipc === "private") {
    const size = input.hostConfig.ShmSize || input.defaultShmSize || DEFAULT_SHM_SIZE;
    mounts.push({
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...sealed, "mode=1777", `size=${size}`],
    });
  }
  if (rules.init !== undefined) {
    mounts.push({
      destination: INIT_IN_CONTAINER,
      type: "bind",
      source: rules.init,
      options: ["bind", "ro"],
    });
  }
  return mounts;
}

/** /dev/shm of the host or of the container whose IPC namespace is joined. */
function shmOfOthers(input: SpecInput, ipc: IpcMode, asked: ReadonlySet<string>): OciMount[] {
  const source = ipc === "host" ? "/dev/shm" : ipc === "container" ? input.joins?.shm : undefined;
  if (source === undefined || asked.has("/dev/shm") || asked.has("/dev")) return [];
  return [{ destination: "/dev/shm", type: "bind", source, options: ["rbind", "rprivate"] }];
}

function generatedFiles(input: SpecInput, asked: ReadonlySet<string>): OciMount[] {
  const options = ["rbind", ...(input.hostConfig.ReadonlyRootfs ? ["ro"] : []), "rprivate"];
  const files: [string, string | undefined][] = [
    ["/etc/resolv.conf", input.files.resolvConf],
    ["/etc/hostname", input.files.hostname],
    ["/etc/hosts", input.files.hosts],
  ];
  return files.flatMap(([destination, source]) =>
    source === undefined || asked.has(destination)
      ? []
      : [{ destination, type: "bind", source, options: [...options] }],
  );
}

function userMount(mount: SpecMount, input: SpecInput): OciMount {
  const { destination, source, readOnly } = mount;
  if (mount.type === "tmpfs") {
    // A tmpfs that `--mount` makes read-only has the word in its options already.
    const options =
      readOnly && !mount.options?.includes("ro") ? ["ro", ...(mount.options ?? [])] : mount.options;
    return { destination, type: "tmpfs", source: "tmpfs", options: tmpfsOptions(options ?? []) };
  }
  if (mount.filesystem !== undefined) {
    return {
      destination,
      type: mount.filesystem,
      source,
      options: [...(mount.options ?? []), ...(readOnly ? ["ro"] : [])],
      ...(mount.beneath === undefined ? {} : { beneath: mount.beneath }),
    };
  }
  const propagation = mount.propagation ?? "";
  checkPropagation(
    source,
    propagation,
    propagation.endsWith("private") || propagation === "" ? "" : input.host.mountInfo(),
  );
  const options = [mount.nonRecursive ? "bind" : "rbind"];
  if (readOnly) options.push(readOnlyWord(mount, input.host.kernel));
  if (propagation !== "") options.push(propagation);
  return {
    destination,
    type: "bind",
    source,
    options,
    ...(mount.beneath === undefined ? {} : { beneath: mount.beneath }),
    ...(reachesHost(propagation) ? { reachesHost: true } : {}),
  };
}

/** Since API 1.44 a read-only bind is so with the mounts below it, where the kernel can do that (mount_setattr, 5.12). */
function readOnlyWord(mount: SpecMount, kernel: string): string {
  if (mount.readOnlyNonRecursive || mount.nonRecursive) return "ro";
  if (kernelAtLeast(kernel, 5, 12)) return "rro";
  if (mount.readOnlyForceRecursive) {
    throw invalidParameter("recursive read-only mounts need a kernel of version 5.12 or newer");
  }
  return "ro";
}

/** Compares a kernel's release, such as `6.1.0-18-amd64`. */
export function kernelAtLeast(release: string, major: number, minor: number): boolean {
  const [, first, second] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  if (first === undefined) return false;
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}
