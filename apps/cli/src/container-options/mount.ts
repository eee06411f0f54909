import type { Mount } from "@berth/api";
import { parseCsvLine } from "../flags/csv.ts";
import { parseBool, parseInteger, parseSize } from "../flags/go-numbers.ts";
import { lazyNode } from "../lazy-node.ts";

/** `--mount type=bind,source=/a,target=/b,readonly`. @throws Error in Docker's words. */
export function parseMount(text: string): Mount {
  const mount: Mount = { Type: "volume" };
  for (const field of parseCsvLine(text.trim())) {
    const at = field.indexOf("=");
    const key = (at < 0 ? field : field.slice(0, at)).toLowerCase();
    if (at < 0) applySwitch(mount, key, field);
    else applyValue(mount, key, field.slice(at + 1), field);
  }
  check(mount);
  return mount;
}

function applySwitch(mount: Mount, key: string, field: string): void {
  switch (key) {
    case "readonly":
    case "ro":
      mount.ReadOnly = true;
      return;
    case "volume-nocopy":
      mount.VolumeOptions = { DriverConfig: {}, ...mount.VolumeOptions, NoCopy: true };
      return;
    case "bind-nonrecursive":
      mount.BindOptions = { ...mount.BindOptions, NonRecursive: true };
      return;
    default:
      throw new Error(`invalid field '${field}' must be a key=value pair`);
  }
}

function applyValue(mount: Mount, key: string, value: string, field: string): void {
  const bad = (note = "") => new Error(`invalid value for ${key}: ${value}${note}`);
  const orBad = <T>(parse: () => T): T => {
    try {
      return parse();
    } catch {
      throw bad();
    }
  };
  const bind = (options: Mount["BindOptions"]) => {
    mount.BindOptions = { ...mount.BindOptions, ...options };
  };
  const volume = (options: Mount["VolumeOptions"]) => {
    mount.VolumeOptions = { DriverConfig: {}, ...mount.VolumeOptions, ...options };
  };
  const driver = (config: { Name?: string; Options?: Record<string, string> }) =>
    volume({ DriverConfig: { ...mount.VolumeOptions?.DriverConfig, ...config } });
  switch (key) {
    case "type":
      mount.Type = value.toLowerCase() as NonNullable<Mount["Type"]>;
      return;
    case "source":
    case "src":
      mount.Source = value.startsWith("./") || value === "." ? lazyNode.path.resolve(value) : value;
      return;
    case "target":
    case "dst":
    case "destination":
      mount.Target = value;
      return;
    case "readonly":
    case "ro":
      mount.ReadOnly = orBad(() => parseBool(value));
      return;
    case "consistency":
      mount.Consistency = value.toLowerCase();
      return;
    case "bind-propagation":
      bind({ Propagation: value.toLowerCase() as NonNullable<Mount["BindOptions"]>["Propagation"] & string });
      return;
    case "bind-nonrecursive":
      bind({ NonRecursive: orBad(() => parseBool(value)) });
      return;
    case "bind-recursive":
      if (value === "enabled") return;
      if (value === "disabled") bind({ NonRecursive: true });
      else if (value === "writable") bind({ ReadOnlyNonRecursive: true });
      else if (value === "readonly") bind({ ReadOnlyForceRecursive: true });
      else throw bad(' (must be "enabled", "disabled", "writable", or "readonly")');
      return;
    case "volume-subpath":
      volume({ Subpath: value });
      return;
    case "volume-nocopy":
      volume({ NoCopy: orBad(() => parseBool(value)) });
      return;
    case "volume-label":
      volume({ Labels: { ...mount.VolumeOptions?.Labels, ...pair(value) } });
      return;
    case "volume-driver":
      driver({ Name: value });
      return;
    case "volume-opt":
      driver({ Options: { ...mount.VolumeOptions?.DriverConfig?.Options, ...pair(value) } });
      return;
    case "image-subpath":
      mount.ImageOptions = { Subpath: value };
      return;
    case "tmpfs-size":
      mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: orBad(() => parseSize(value)) };
      return;
    case "tmpfs-mode":
      mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: orBad(() => parseOctal(value)) };
      return;
    default:
      throw new Error(`unexpected key '${key}' in '${field}'`);
  }
}

function parseOctal(text: string): number {
  if (!/^[0-7]+$/.test(text)) throw new Error("not octal");
  return parseInteger(`0o${text}`, true, 32);
}

function pair(text: string): Record<string, string> {
  const at = text.indexOf("=");
  return at < 0 ? { [text]: "" } : { [text.slice(0, at)]: text.slice(at + 1) };
}

function check(mount: Mount): void {
  const { Type: type } = mount;
  if (!type) throw new Error("type is required");
  if (!mount.Target) throw new Error("target is required");
  const kinds = [
    ["VolumeOptions", "volume"],
    ["ImageOptions", "image"],
    ["BindOptions", "bind"],
    ["TmpfsOptions", "tmpfs"],
  ] as const;
  for (const [options, kind] of kinds) {
    if (mount[options] !== undefined && type !== kind) {
      throw new Error(`cannot mix '${kind}-*' options with mount type '${type}'`);
    }
  }
  const {
    ReadOnlyNonRecursive: writable,
    ReadOnlyForceRecursive: readonly,
    Propagation,
  } = mount.BindOptions ?? {};
  const requires = (what: string, option: string) =>
    new Error(`option 'bind-recursive=${what}' requires '${option}' to be specified in conjunction`);
  if (writable && !mount.ReadOnly) throw requires("writable", "readonly");
  if (readonly && !mount.ReadOnly) throw requires("readonly", "readonly");
  if (readonly && Propagation !== "rprivate") throw requires("readonly", "bind-propagation=rprivate");
}
