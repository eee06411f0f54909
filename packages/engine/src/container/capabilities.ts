/** Linux capabilities, capability(7) and include/uapi/linux/capability.h. */
const CAPABILITIES = new Set(
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
    .split(" ")
    .map((name) => `CAP_${name}`),
);

/** `net_admin`, `CAP_NET_ADMIN` → `CAP_NET_ADMIN`; `all` → `ALL`. */
export function normalCapability(name: string): string {
  const upper = name.toUpperCase();
  if (upper === "ALL" || upper.startsWith("CAP_")) return upper;
  return `CAP_${upper}`;
}

/** What is wrong with `--cap-add` or `--cap-drop`, in Docker's words; undefined when nothing is. */
export function capabilityProblem(names: readonly string[]): string | undefined {
  for (const name of names) {
    const normal = normalCapability(name);
    if (normal !== "ALL" && !CAPABILITIES.has(normal)) return `unknown capability: ${JSON.stringify(normal)}`;
  }
  return undefined;
}
