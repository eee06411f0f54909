import { DockerfileError } from "../parse/error.ts";
import { withSuggestion } from "../parse/suggest.ts";
import { readCsv } from "./csv.ts";
import { Flags } from "./flags.ts";
import { readMount } from "./mount.ts";
import type { RunFlags } from "./types.ts";

const NETWORKS = ["default", "none", "host"] as const;
const SECURITY = ["sandbox", "insecure"] as const;

/** Flags of RUN. Mounts are checked as far as that goes without variables. @throws DockerfileError. */
export function readRunFlags(given: readonly string[]): RunFlags {
  const flags = new Flags(given, { mount: "list", network: "text", security: "text", device: "list" });
  const mounts = flags.list("mount");
  for (const mount of mounts) readMount(mount);
  return {
    mounts,
    network: oneOf("network mode", flags.text("network"), NETWORKS, "default"),
    security: oneOf("security mode", flags.text("security"), SECURITY, "sandbox"),
    devices: flags.list("device").map(readDevice),
  };
}

function oneOf<T extends string>(what: string, value: string, known: readonly T[], fallback: T): T {
  if (value === "") return fallback;
  const found = known.find((each) => each === value);
  if (found !== undefined) return found;
  throw new DockerfileError(withSuggestion(`invalid ${what} ${JSON.stringify(value)}`, value, known, true));
}

function readDevice(text: string): { name: string; required: boolean } {
  const device = { name: "", required: false };
  for (const field of readCsv(text, "device")) {
    const equals = field.indexOf("=");
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    if (key === "required") {
      if (value !== undefined && value !== "true" && value !== "false") {
        throw new DockerfileError(`invalid value for ${key}: ${value}`);
      }
      device.required = value !== "false";
    } else if (key === "name" && value !== undefined) device.name = value;
    else if (value === undefined && device.name === "") device.name = field;
    else throw new DockerfileError(`unexpected key '${key}' in '${field}'`);
  }
  if (device.name === "") throw new DockerfileError("device name is required");
  return device;
}
