import { posix } from "node:path";
import { invalidParameter } from "@berth/base";

/** Mounts of one target replace each other when files are merged. */
export function mountKey(item: { target?: string }): string {
  return item.target ?? "";
}

const PROPAGATION = new Set(["rprivate", "private", "rshared", "shared", "rslave", "slave"]);

/** `[source:]target[:options]`. @returns undefined for the long form. */
export function mountShort(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== "string") return undefined;
  const parts = split(value);
  if (parts.length > 3 || parts.some((part) => part === "")) {
    throw invalidParameter(
      value === "" ? "invalid empty volume spec" : `invalid spec: ${value}: empty section between colons`,
    );
  }
  const [first, target, options] = parts as [string, string?, string?];
  if (target === undefined) return { type: "volume", target: clean(first), volume: {} };
  const isBind = isPath(first);
  const mount: Record<string, unknown> = {
    type: isBind ? "bind" : "volume",
    source: first,
    target: clean(target),
  };
  const bind: Record<string, unknown> = { create_host_path: true };
  const volume: Record<string, unknown> = {};
  for (const option of options?.split(",") ?? []) {
    if (option === "ro") mount.read_only = true;
    else if (option === "nocopy") volume.nocopy = true;
    else if (option === "z" || option === "Z") bind.selinux = option;
    else if (PROPAGATION.has(option)) bind.propagation = option;
  }
  if (isBind) mount.bind = bind;
  else mount.volume = volume;
  return mount;
}

/** Go's path.Clean. */
function clean(path: string): string {
  const made = posix.normalize(path);
  return made.length > 1 && made.endsWith("/") ? made.slice(0, -1) : made;
}

function isPath(source: string): boolean {
  return /^[./~]/.test(source) || isWindowsPath(source);
}

export function isWindowsPath(text: string): boolean {
  return /^[a-zA-Z]:[\\/]/.test(text) || text.startsWith("\\\\");
}

/** At colons, except the one behind a Windows drive. */
function split(spec: string): string[] {
  const parts = spec.split(":");
  for (let at = 0; at < parts.length - 1; at++) {
    if (
      /^[a-zA-Z]$/.test(parts[at]!) &&
      /^[\\/]/.test(parts[at + 1]!) &&
      (at > 0 || parts[at + 1]!.startsWith("\\"))
    ) {
      parts.splice(at, 2, `${parts[at]}:${parts[at + 1]}`);
    }
  }
  return parts;
}
