import type { HostConfig } from "@berth/api";
import { invalidParameter, messageOf } from "@berth/base";
import { SyscallError } from "@berth/linux";
import type { SpecHost } from "./input.ts";

/** A device node. */
export interface Device {
  path: string;
  type: "c" | "b";
  major: number;
  minor: number;
  /** Permission bits. */
  fileMode: number;
  uid: number;
  gid: number;
}

/** A rule of the devices controller; without `major` or `minor`: any. */
export interface DeviceRule {
  allow: boolean;
  type?: string;
  major?: number;
  minor?: number;
  access: string;
}

/** null, zero, full's neighbours: what every container may use. The OCI runtime adds its own (ptmx, pts, tty). */
const ALWAYS: readonly [major: number, minor: number][] = [
  [1, 5],
  [1, 3],
  [1, 9],
  [1, 8],
  [5, 0],
  [5, 1],
];

export function defaultDeviceRules(): DeviceRule[] {
  const rules: DeviceRule[] = [{ allow: false, access: "rwm" }];
  for (const [major, minor] of ALWAYS) rules.push({ allow: true, type: "c", major, minor, access: "rwm" });
  return rules;
}

/**
 * Devices and rules of a container. Privileged: all devices of the host, and access to any.
 * @throws invalid-parameter with Docker's sentences
 */
export function containerDevices(
  hostConfig: Pick<HostConfig, "Devices" | "DeviceCgroupRules" | "Privileged">,
  host: SpecHost,
): { devices: Device[]; rules: DeviceRule[] } {
  const rules = defaultDeviceRules();
  const byPath = new Map<string, Device>();
  if (hostConfig.Privileged) for (const device of host.allDevices()) byPath.set(device.path, device);
  for (const mapping of hostConfig.Devices ?? []) {
    const outside = mapping.PathOnHost.replace(/(.)\/+$/, "$1");
    const inside = (mapping.PathInContainer || outside).replace(/(.)\/+$/, "$1");
    const access = mapping.CgroupPermissions || "rwm";
    for (const device of find(outside, host)) {
      // A folder of devices is taken over with what is below it.
      const path = inside + device.path.slice(outside.length);
      byPath.set(path, { ...device, path });
      rules.push({ allow: true, type: device.type, major: device.major, minor: device.minor, access });
    }
  }
  if (hostConfig.Privileged)
    return { devices: [...byPath.values()], rules: [...rules, { allow: true, access: "rwm" }] };
  for (const rule of hostConfig.DeviceCgroupRules ?? []) rules.push(parseDeviceRule(rule));
  return { devices: [...byPath.values()], rules };
}

function find(path: string, host: SpecHost): Device[] {
  try {
    return host.devicesAt(path);
  } catch (error) {
    const reason = error instanceof SyscallError ? error.message.replace(/^.*: /, "") : messageOf(error);
    throw invalidParameter(
      `error gathering device information while adding custom device ${JSON.stringify(path)}: ${reason}`,
      { cause: error },
    );
  }
}

/** `c 1:3 rwm`, `b *:5 r`. @throws invalid-parameter */
export function parseDeviceRule(rule: string): DeviceRule {
  const fields = /^([abc]) (\d{1,9}|\*):(\d{1,9}|\*) ([rwm]{1,3})$/.exec(rule);
  if (fields === null) throw invalidParameter(`invalid device cgroup rule format: '${rule}'`);
  const [, type, major, minor, access] = fields as unknown as [string, string, string, string, string];
  return {
    allow: true,
    type,
    ...(major === "*" ? {} : { major: Number(major) }),
    ...(minor === "*" ? {} : { minor: Number(minor) }),
    access,
  };
}
