import type { HealthConfig, LogConfig, RestartPolicy } from "@berth/api";
import { toMap } from "./key-values.ts";

/** `--restart no|always|unless-stopped|on-failure[:n]`. @throws Error in Docker's words. */
export function parseRestartPolicy(text: string): RestartPolicy {
  if (text === "") return { Name: "", MaximumRetryCount: 0 };
  const at = text.indexOf(":");
  const name = at < 0 ? text : text.slice(0, at);
  const count = at < 0 ? undefined : text.slice(at + 1);
  if (count !== undefined && name === "") {
    throw new Error("invalid restart policy format: no policy provided before colon");
  }
  if (!count) return { Name: name, MaximumRetryCount: 0 };
  if (!/^[+-]?\d{1,9}$/.test(count)) {
    throw new Error("invalid restart policy format: maximum retry count must be an integer");
  }
  return { Name: name, MaximumRetryCount: Number(count) };
}

export interface HealthFlags {
  command: string;
  interval: number;
  timeout: number;
  startPeriod: number;
  startInterval: number;
  retries: number;
  none: boolean;
}

/** @returns undefined when nothing was said. @throws Error in Docker's words. */
export function healthConfig(flags: HealthFlags): HealthConfig | undefined {
  const { command, interval, timeout, startPeriod, startInterval, retries } = flags;
  const given =
    command !== "" || [interval, timeout, startPeriod, startInterval, retries].some((value) => value !== 0);
  if (flags.none) {
    if (given) throw new Error("--no-healthcheck conflicts with --health-* options");
    return { Test: ["NONE"] };
  }
  if (!given) return undefined;
  for (const [name, value] of Object.entries({
    interval,
    timeout,
    retries,
    "start-period": startPeriod,
    "start-interval": startInterval,
  })) {
    if (value < 0) throw new Error(`--health-${name} cannot be negative`);
  }
  return {
    ...(command !== "" && { Test: ["CMD-SHELL", command] }),
    ...(interval !== 0 && { Interval: interval }),
    ...(timeout !== 0 && { Timeout: timeout }),
    ...(startPeriod !== 0 && { StartPeriod: startPeriod }),
    ...(startInterval !== 0 && { StartInterval: startInterval }),
    ...(retries !== 0 && { Retries: retries }),
  };
}

/** @throws Error in Docker's words. */
export function logConfig(driver: string, options: readonly string[]): LogConfig {
  if (driver === "none" && options.length > 0) {
    throw new Error(`invalid logging opts for driver ${driver}`);
  }
  return { Type: driver, Config: toMap(options) };
}

/** @throws Error in Docker's words. */
export function storageOptions(options: readonly string[]): Record<string, string> | undefined {
  if (options.some((option) => !option.includes("="))) throw new Error("invalid storage option");
  return options.length === 0 ? undefined : toMap(options);
}

/** `host`, empty, and, where allowed, `container:NAME` and `private`. */
export function isNamespaceMode(mode: string, options: { container?: boolean; private?: boolean }): boolean {
  if (mode === "" || mode === "host") return true;
  if (options.private && mode === "private") return true;
  return (options.container ?? false) && /^container:[^:]+$/.test(mode);
}
