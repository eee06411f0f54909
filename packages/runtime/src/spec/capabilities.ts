import { invalidParameter } from "@berth/base";
import type { OciSpec } from "../runtime.ts";

/** In the order of their bits (include/uapi/linux/capability.h). */
const NAMES: readonly string[] =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
    .split(" ")
    .map((name) => `CAP_${name}`);

/** What a container has when nothing is asked: Docker's fourteen. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

const ALL = "ALL";

/** Names of the bits of a mask such as `CapBnd` of /proc/self/status (hexadecimal). */
export function capabilitiesOfMask(mask: string): string[] {
  const bits = BigInt(`0x${mask}`);
  return NAMES.filter((_, bit) => (bits >> BigInt(bit)) & 1n);
}

/** `net_admin`, `CAP_NET_ADMIN` → `CAP_NET_ADMIN`; `all` → `ALL`. */
function normalise(name: string): string {
  const upper = name.toUpperCase();
  return upper === ALL || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
}

/** @throws invalid-parameter with Docker's sentences */
function normaliseAll(
  field: "CapAdd" | "CapDrop",
  names: readonly string[],
  available: ReadonlySet<string>,
): string[] {
  return names.map((name) => {
    const normal = normalise(name);
    if (normal === ALL || available.has(normal)) return normal;
    // To drop what is not there anyway harms nobody.
    if (field === "CapDrop" && NAMES.includes(normal)) return normal;
    if (!NAMES.includes(normal)) {
      throw invalidParameter(`invalid ${field}: unknown capability: ${JSON.stringify(normal)}`);
    }
    throw invalidParameter(
      `invalid ${field}: capability not supported by your kernel or not available in the current environment: ${JSON.stringify(normal)}`,
    );
  });
}

/**
 * The capabilities of a container, as Docker decides: `--privileged` gives all, `--cap-add ALL` all but the dropped,
 * `--cap-drop ALL` only the added. "All" are those that this process may give (`available`): on a host that lacks some,
 * Docker before version 25 fails there.
 * @throws invalid-parameter for a name that is unknown or that cannot be given
 */
export function containerCapabilities(
  add: readonly string[],
  drop: readonly string[],
  privileged: boolean,
  available: readonly string[],
): string[] {
  const possible = new Set(available);
  const added = normaliseAll("CapAdd", add, possible);
  const dropped = new Set(normaliseAll("CapDrop", drop, possible));
  if (privileged) return [...available];
  if (added.includes(ALL)) return available.filter((name) => !dropped.has(name));
  const kept = dropped.has(ALL)
    ? []
    : DEFAULT_CAPABILITIES.filter((name) => possible.has(name) && !dropped.has(name));
  return [...new Set([...kept, ...added])];
}

/** The sets of a process with these capabilities; Docker gives no inheritable and no ambient ones. */
export function capabilitySets(names: readonly string[]): NonNullable<OciSpec["process"]["capabilities"]> {
  return { bounding: [...names], effective: [...names], permitted: [...names] };
}
