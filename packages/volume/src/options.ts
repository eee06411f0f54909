import { invalidParameter } from "@berth/base";

/** How a volume with options is mounted: inside the container's own mount namespace, never on the host. */
export interface VolumeMount {
  type: string;
  source: string;
  /** Words of mount(8), as an OCI mount takes them. */
  options: string[];
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** @throws invalid-parameter with Docker's sentences (`create x: …`). */
export function validateVolumeName(name: string): void {
  if (name.length === 1) {
    throw invalidParameter(
      `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
    );
  }
  if (!NAME.test(name)) {
    throw invalidParameter(
      `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  if (name.length > 255) throw invalidParameter(`create ${name}: volume name is too long`);
}

const KNOWN = new Set(["type", "o", "device", "size"]);
/** What an option needs beside it. */
const REQUIRED: [option: string, needs: string[]][] = [
  ["device", ["type"]],
  ["type", ["device"]],
  ["o", ["device", "type"]],
];

/** @throws invalid-parameter with Docker's sentences. */
export function validateVolumeOptions(name: string, options: Record<string, string>): void {
  const refuse = (text: string) => {
    throw invalidParameter(`create ${name}: ${text}`);
  };
  for (const option of Object.keys(options)) {
    if (!KNOWN.has(option)) refuse(`invalid option: ${JSON.stringify(option)}`);
  }
  // A size needs project quotas of the file system below, which are not set up.
  if (options.size !== undefined) refuse("quota size requested but no quota support");
  for (const [option, needs] of REQUIRED) {
    if (!options[option]) continue;
    for (const need of needs) if (!options[need]) refuse(`missing required option: ${JSON.stringify(need)}`);
  }
}

/** The mount that options ask for; undefined: the volume is a plain folder. */
export function mountOfOptions(options: Record<string, string> | null): VolumeMount | undefined {
  const type = options?.type;
  const device = options?.device;
  if (!type || !device) return undefined;
  const words = (options?.o ?? "").split(",").filter((word) => word !== "");
  const isBind = words.includes("bind") || words.includes("rbind");
  return { type: isBind ? "bind" : type, source: device, options: words };
}
