import { existsSync } from "node:fs";
import type { Mount, MountPropagation, TmpfsOptions } from "@berth/api";
import { invalidParameter, isKind } from "@berth/base";
import { cleanPath } from "../container/path.ts";
import { isMode, isPropagation, parseMode } from "./mode.ts";

/** A mount as asked, checked, before volumes are made. */
export interface ParsedMount {
  type: "bind" | "volume" | "tmpfs" | "image";
  destination: string;
  /** Host path of a bind, image reference of an image mount. */
  source: string;
  /** Volume's name; empty: anonymous. */
  name: string;
  driver: string;
  readWrite: boolean;
  mode: string;
  propagation: MountPropagation;
  copy: boolean;
  fromMountApi: boolean;
  spec: Mount;
}

const DEFAULT_PROPAGATION = "rprivate";

/** `-v`: `target`, `source:target` or `source:target:mode`. @throws invalid-parameter with Docker's sentences. */
export function parseBind(text: string, volumeDriver: string): ParsedMount {
  const parts = text.split(":");
  const [first = "", second] = parts;
  const invalid = () => invalidParameter(`invalid volume specification: '${text}'`);
  if (first === "" || parts.length > 3) throw invalid();
  // `/foo:rw` is no volume: a mode needs a source.
  if (parts.length === 2 && isMode(second!)) throw invalid();
  const source = parts.length === 1 ? "" : first;
  const modeText = parts[2] ?? "";
  const mode = parseMode(modeText);
  const type = source.startsWith("/") ? "bind" : "volume";
  const spec: Mount = {
    Type: type,
    Source: source,
    Target: parts.length === 1 ? first : second!,
    ReadOnly: mode.readOnly,
  };
  if (volumeDriver !== "" && type === "volume") spec.VolumeOptions = { DriverConfig: { Name: volumeDriver } };
  if (mode.nocopy) spec.VolumeOptions = { ...spec.VolumeOptions, NoCopy: true };
  if (mode.propagation !== "") spec.BindOptions = { Propagation: mode.propagation };
  try {
    return { ...parseSpec(spec, false), mode: modeText };
  } catch (error) {
    if (!isKind(error, "invalid-parameter")) throw error;
    throw invalidParameter(`invalid volume specification: '${text}': ${error.message}`);
  }
}

/** `--mount`. @throws invalid-parameter `invalid mount config for type "bind": …`. */
export function parseMount(mount: Mount): ParsedMount {
  return { ...parseSpec(mount, true), fromMountApi: true };
}

function parseSpec(mount: Mount, sourceMustExist: boolean): ParsedMount {
  const problem = findProblem(mount, sourceMustExist);
  if (problem !== undefined) {
    throw invalidParameter(`invalid mount config for type "${mount.Type ?? ""}": ${problem}`);
  }
  const type = mount.Type as ParsedMount["type"];
  const parsed: ParsedMount = {
    type,
    destination: cleanPath(mount.Target ?? ""),
    source: "",
    name: "",
    driver: "",
    readWrite: !mount.ReadOnly,
    mode: "",
    propagation: "",
    copy: false,
    fromMountApi: false,
    spec: mount,
  };
  if (type === "volume") {
    parsed.name = mount.Source ?? "";
    parsed.driver = mount.VolumeOptions?.DriverConfig?.Name ?? "";
    parsed.copy = !mount.VolumeOptions?.NoCopy;
  } else if (type === "bind") {
    parsed.source = cleanPath(mount.Source ?? "");
    parsed.propagation = mount.BindOptions?.Propagation || DEFAULT_PROPAGATION;
  } else if (type === "image") {
    parsed.source = mount.Source ?? "";
    parsed.readWrite = false;
  }
  return parsed;
}

/** What is wrong with a mount, in Docker's words; undefined when nothing is. */
function findProblem(mount: Mount, sourceMustExist: boolean): string | undefined {
  const { Target: target = "", Source: source = "" } = mount;
  if (target === "") return "field Target must not be empty";
  const targetProblem = destinationProblem(target);
  if (targetProblem !== undefined) return targetProblem;
  switch (mount.Type) {
    case "bind":
      return bindProblem(mount, source, sourceMustExist);
    case "volume": {
      if (mount.BindOptions) return "field BindOptions must not be specified";
      const subpath = mount.VolumeOptions?.Subpath ?? "";
      if (subpath !== "") {
        if (source === "") return "must not set Subpath when using anonymous volumes";
        if (!isLocalPath(subpath)) return "subpath must be a relative path within the volume";
      }
      if (mount.ReadOnly && source === "") return "must not set ReadOnly mode when using anonymous volumes";
      return undefined;
    }
    case "tmpfs":
      if (mount.BindOptions) return "field BindOptions must not be specified";
      if (source !== "") return "field Source must not be specified";
      return tmpfsProblem(mount.TmpfsOptions);
    case "image": {
      if (mount.BindOptions) return "field BindOptions must not be specified";
      if (source === "") return "field Source must not be empty";
      const subpath = mount.ImageOptions?.Subpath ?? "";
      if (subpath !== "" && !isLocalPath(subpath)) return "subpath must be a relative path within the image";
      return undefined;
    }
    default:
      return "mount type unknown";
  }
}

function bindProblem(mount: Mount, source: string, sourceMustExist: boolean): string | undefined {
  if (source === "") return "field Source must not be empty";
  const propagation = mount.BindOptions?.Propagation;
  if (propagation && !isPropagation(propagation)) return `invalid propagation mode: ${propagation}`;
  if (mount.VolumeOptions) return "field VolumeOptions must not be specified";
  if (!source.startsWith("/")) return `invalid mount path: '${source}' mount path must be absolute`;
  if (sourceMustExist && !mount.BindOptions?.CreateMountpoint && !existsSync(source)) {
    return `bind source path does not exist: ${source}`;
  }
  return undefined;
}

function tmpfsProblem(options: TmpfsOptions | undefined): string | undefined {
  for (const option of options?.Options ?? []) {
    if (option.length < 1 || option.length > 2) return "invalid option array length";
    if (option[0] !== "exec" && option[0] !== "noexec") return `invalid option: ${option[0]}`;
  }
  return undefined;
}

/** Checks a `--tmpfs` destination as well. */
export function destinationProblem(path: string): string | undefined {
  if (cleanPath(path) === "/") return "invalid specification: destination can't be '/'";
  if (!path.startsWith("/")) return `invalid mount path: '${path}' mount path must be absolute`;
  return undefined;
}

function isLocalPath(path: string): boolean {
  const clean = cleanPath(path);
  return !clean.startsWith("/") && clean !== ".." && !clean.startsWith("../");
}

/** `--volumes-from id[:mode]`. @throws invalid-parameter. */
export function parseVolumesFrom(text: string): { container: string; mode: string } {
  if (text === "") throw invalidParameter("volumes-from specification cannot be an empty string");
  const at = text.indexOf(":");
  if (at < 0 || at === text.length - 1) return { container: at < 0 ? text : text.slice(0, at), mode: "rw" };
  const mode = text.slice(at + 1);
  const parsed = parseMode(mode);
  if (parsed.propagation !== "" || parsed.nocopy) throw invalidParameter(`invalid mode: ${mode}`);
  return { container: text.slice(0, at), mode };
}

/** Mount options of a `--mount type=tmpfs`, in the words of mount(8). */
export function tmpfsMountOptions(mount: Mount): string[] {
  const options: string[] = [];
  if (mount.ReadOnly) options.push("ro");
  const { Mode: mode, SizeBytes: size, Options: more } = mount.TmpfsOptions ?? {};
  if (mode) options.push(`mode=${mode.toString(8)}`);
  if (size) options.push(`size=${size}`);
  for (const option of more ?? []) options.push(option.join("="));
  return options;
}
