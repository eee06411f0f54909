import type { DeviceMapping, DeviceRequest, ThrottleDevice, Ulimit, WeightDevice } from "@berth/api";
import { parseCsvLine } from "../flags/csv.ts";
import { parseSize } from "../flags/go-numbers.ts";
import { lazyNode } from "../lazy-node.ts";
import { toMap } from "./key-values.ts";

function isDeviceMode(mode: string): boolean {
  return mode !== "" && /^[rwm]+$/.test(mode) && new Set(mode).size === mode.length;
}

/** `--device /dev/a[:/dev/b][:rwm]`. @throws Error in Docker's words. */
export function parseDevice(text: string): DeviceMapping {
  const parts = text.split(":");
  if (parts.length > 3 || parts[0] === "") throw new Error(`bad format for path: ${text}`);
  const [source = "", second, third] = parts;
  let target = source;
  let mode = "rwm";
  if (third !== undefined) {
    if (!isDeviceMode(third)) throw new Error(`bad mode specified: ${third}`);
    target = second ?? "";
    mode = third;
  } else if (second !== undefined) {
    if (isDeviceMode(second)) mode = second;
    else target = second;
  }
  if (!target.startsWith("/")) throw new Error(`${target} is not an absolute path`);
  return {
    PathOnHost: second === undefined || isDeviceMode(second) ? lazyNode.path.posix.normalize(source) : source,
    PathInContainer: lazyNode.path.posix.normalize(target),
    CgroupPermissions: mode,
  };
}

/** A name of the Container Device Interface: `vendor.com/class=name`. */
export function isCdiName(text: string): boolean {
  return /^[A-Za-z][\w.-]*[A-Za-z0-9]\/[A-Za-z][\w-]*[A-Za-z0-9]=[A-Za-z0-9]([\w.:-]*[A-Za-z0-9])?$/.test(
    text,
  );
}

/** @throws Error in Docker's words. */
export function checkDeviceCgroupRule(text: string): string {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text)) {
    throw new Error(`invalid device cgroup format '${text}'`);
  }
  return text;
}

/** `/dev/sda:500`. @throws Error in Docker's words. */
export function parseWeightDevice(text: string): WeightDevice {
  const [path, weight] = splitDevice(text);
  const value = /^\d{1,5}$/.test(weight) ? Number(weight) : Number.NaN;
  if (!(value <= 65535)) throw new Error(`invalid weight for device: ${text}`);
  if (value > 0 && (value < 10 || value > 1000)) throw new Error(`invalid weight for device: ${text}`);
  return { Path: path, Weight: value };
}

/** `/dev/sda:1mb`. @throws Error in Docker's words. */
export function parseByteRate(text: string): ThrottleDevice {
  const [path, rate] = splitDevice(text);
  const complaint = `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`;
  try {
    return { Path: path, Rate: parseSize(rate) };
  } catch {
    throw new Error(complaint);
  }
}

/** `/dev/sda:1000`. @throws Error in Docker's words. */
export function parseIoRate(text: string): ThrottleDevice {
  const [path, rate] = splitDevice(text);
  if (!/^\d{1,19}$/.test(rate)) {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
    );
  }
  return { Path: path, Rate: Number(rate) };
}

function splitDevice(text: string): [path: string, rest: string] {
  const at = text.indexOf(":");
  if (at < 0 || text.indexOf(":", at + 1) >= 0) throw new Error(`bad format: ${text}`);
  if (!text.startsWith("/dev/")) throw new Error(`bad format for device path: ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

const ULIMITS = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
);

/** `nofile=1024[:2048]`. @throws Error in Docker's words. */
export function parseUlimit(text: string): Ulimit {
  const at = text.indexOf("=");
  if (at < 0) throw new Error(`invalid ulimit argument: ${text}`);
  const name = text.slice(0, at);
  const limits = text.slice(at + 1);
  if (!ULIMITS.has(name)) throw new Error(`invalid ulimit type: ${name}`);
  const values = limits.split(":");
  if (values.length > 2) {
    throw new Error(`too many limit value arguments - ${limits}, can only have up to two, \`soft[:hard]\``);
  }
  const [soft = 0, hard = soft] = values.map((value) => {
    if (!/^[+-]?\d+$/.test(value))
      throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    return Number(value);
  });
  if (hard !== -1) {
    if (soft === -1) {
      throw new Error(
        `ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: ${hard}`,
      );
    }
    if (soft > hard) {
      throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
    }
  }
  return { Name: name, Hard: hard, Soft: soft };
}

/** `--gpus all`, `2`, `device=0,driver=nvidia`. @throws Error in Docker's words. */
export function parseGpus(text: string): DeviceRequest {
  const request: DeviceRequest = { Driver: "", Count: 0, DeviceIDs: null, Capabilities: null, Options: null };
  const seen = new Set<string>();
  const count = (value: string): number => {
    if (value === "all") return -1;
    if (!/^[+-]?\d+$/.test(value))
      throw new Error(`invalid count (${value}): value must be either "all" or an integer: invalid syntax`);
    return Number(value);
  };
  for (const field of parseCsvLine(text)) {
    const at = field.indexOf("=");
    const key = at < 0 ? field : field.slice(0, at);
    const value = field.slice(at + 1);
    if (seen.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    if (at < 0) {
      seen.add("count");
      request.Count = count(key);
      continue;
    }
    seen.add(key);
    switch (key) {
      case "driver":
        request.Driver = value;
        break;
      case "count":
        request.Count = count(value);
        break;
      case "device":
        request.DeviceIDs = value.split(",");
        break;
      case "capabilities":
        request.Capabilities = [[...value.split(","), "gpu"]];
        break;
      case "options":
        request.Options = toMap(parseCsvLine(value));
        break;
      default:
        throw new Error(`unexpected key '${key}' in '${field}'`);
    }
  }
  if (!seen.has("count") && request.DeviceIDs === null) request.Count = 1;
  request.Options ??= {};
  request.Capabilities ??= [["gpu"]];
  return request;
}
