import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { quietly, systemError } from "@berth/base";
import {
  AT,
  cgroupMode,
  closeQuietly,
  type DirectoryEntry,
  O,
  openat,
  readDirectory,
  S,
  type Stat,
  statx,
} from "@berth/linux";
import { capabilitiesOfMask } from "./capabilities.ts";
import type { Device } from "./devices.ts";
import type { SpecHost } from "./input.ts";

/** Bounds a walk through folders of devices. */
const MAX_DEVICES = 10_000;
/** Folders of /dev that hold no devices of their own, or those of terminals. */
const NOT_DEVICES = new Set(["pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"]);

const GO_ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "amd64",
  arm64: "arm64",
  riscv64: "riscv64",
  ppc64: "ppc64le",
  s390x: "s390x",
};

/** This host, for `buildSpec`. Read once at the daemon's start, but for devices and mounts, which change. */
export function readSpecHost(): SpecHost {
  const status = readFileSync("/proc/self/status", "utf8");
  const mask = /^CapBnd:\s+([0-9a-f]+)$/m.exec(status)?.[1];
  if (mask === undefined) throw systemError("/proc/self/status tells no capability bounding set");
  return {
    architecture: GO_ARCHITECTURES[process.arch] ?? process.arch,
    kernel: release(),
    cgroupVersion: cgroupMode() === "v2" ? 2 : 1,
    capabilities: capabilitiesOfMask(mask),
    apparmor: isEnabled("/sys/module/apparmor/parameters/enabled", "Y"),
    selinux: existsSync("/sys/fs/selinux/enforce"),
    hasSysctl: (name) => existsSync(`/proc/sys/${name.replaceAll(".", "/")}`),
    devicesAt,
    allDevices: () => devicesBelow("/dev").filter((device) => device.path !== "/dev/console"),
    mountInfo: () => readFileSync("/proc/self/mountinfo", "utf8"),
  };
}

function isEnabled(path: string, value: string): boolean {
  return existsSync(path) && readFileSync(path, "utf8").startsWith(value);
}

/** @throws SyscallError ENOENT; BerthError `not a device node` */
export function devicesAt(path: string): Device[] {
  // A link to a device is the device; its name in the container is the link's.
  const stat = statx(AT.FDCWD, path, 0);
  if ((stat.mode & S.IFMT) === S.IFDIR) return devicesBelow(path);
  const device = deviceOf(path, stat);
  if (device === undefined) throw systemError("not a device node");
  return [device];
}

function deviceOf(path: string, stat: Stat): Device | undefined {
  const type = stat.mode & S.IFMT;
  if (type !== S.IFCHR && type !== S.IFBLK) return undefined;
  return {
    path,
    type: type === S.IFCHR ? "c" : "b",
    major: stat.rdevMajor,
    minor: stat.rdevMinor,
    fileMode: stat.mode & 0o777,
    uid: stat.uid,
    gid: stat.gid,
  };
}

function devicesBelow(root: string): Device[] {
  const found: Device[] = [];
  const walk = (folder: string, entries: DirectoryEntry[]): void => {
    for (const entry of entries) {
      if (found.length >= MAX_DEVICES) return;
      const path = `${folder === "/" ? "" : folder}/${entry.name}`;
      if (entry.type === S.IFDIR) {
        // A device or folder may go between the listing and the look at it.
        if (!NOT_DEVICES.has(entry.name)) walk(path, quietly(() => entriesOf(path)) ?? []);
      } else if (entry.type === S.IFCHR || entry.type === S.IFBLK) {
        const device = quietly(() => deviceOf(path, statx(AT.FDCWD, path)));
        if (device !== undefined) found.push(device);
      }
    }
  };
  walk(root, entriesOf(root));
  return found;
}

function entriesOf(folder: string): DirectoryEntry[] {
  const fd = openat(AT.FDCWD, folder, O.RDONLY | O.DIRECTORY);
  try {
    return readDirectory(fd).sort((a, b) => (a.name < b.name ? -1 : 1));
  } finally {
    closeQuietly(fd);
  }
}
