import type { HostConfig } from "@berth/api";

/** Hidden from containers, for they tell of the host or of other containers. Docker's list, as of 28. */
export const DEFAULT_MASKED_PATHS: readonly string[] = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

/** Not writable in containers. Docker's list. */
export const DEFAULT_READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/**
 * `MaskedPaths` and `ReadonlyPaths` of HostConfig when they are given (an empty list is how the CLI sends
 * `--security-opt systempaths=unconfined`), else the defaults; none for a privileged container.
 */
export function protectedPaths(
  host: Pick<HostConfig, "MaskedPaths" | "ReadonlyPaths" | "Privileged">,
  unconfined: boolean,
): { masked: readonly string[]; readonly: readonly string[] } {
  if (host.Privileged || unconfined) return { masked: [], readonly: [] };
  return {
    masked: host.MaskedPaths ?? DEFAULT_MASKED_PATHS,
    readonly: host.ReadonlyPaths ?? DEFAULT_READONLY_PATHS,
  };
}
