import { invalidParameter } from "@berth/base";
import { readConfigFile } from "./file.ts";
import { type DaemonConfig, OPTION_LIST, OPTIONS, type OptionName } from "./options.ts";

/** May be given as flags and in the file: they add up. */
const ADDED: readonly OptionName[] = ["runtimes"];

/** Settings from flags, file and defaults. @throws invalid-parameter with dockerd's sentence. */
export function loadConfig(flags: Partial<DaemonConfig>): DaemonConfig {
  const path = flags.configFile ?? OPTIONS.configFile.fallback;
  const file = readConfigFile(path, { missingIsEmpty: flags.configFile === undefined });
  refuseConflicts(path, flags, file);
  const defaults = Object.fromEntries(OPTION_LIST.map(([name, { fallback }]) => [name, fallback]));
  const config = {
    ...defaults,
    ...file,
    ...flags,
    runtimes: { ...file.runtimes, ...flags.runtimes },
  } as DaemonConfig;
  validate(config);
  return config;
}

/** The settings that a SIGHUP takes over: reloadable ones of the file, all others as they are. */
export function reloadConfig(current: DaemonConfig, flags: Partial<DaemonConfig>): DaemonConfig {
  const fresh = loadConfig(flags);
  const reloaded = OPTION_LIST.filter(([, { reloadable }]) => reloadable).map(([name]) => [
    name,
    fresh[name],
  ]);
  return { ...current, ...Object.fromEntries(reloaded) };
}

function refuseConflicts(path: string, flags: Partial<DaemonConfig>, file: Partial<DaemonConfig>): void {
  const conflicts = OPTION_LIST.filter(
    ([name]) => name in flags && name in file && !ADDED.includes(name),
  ).map(
    ([name, { key, kind }]) =>
      `${key}: (from flag: ${kind.show(flags[name])}, from file: ${kind.show(file[name])})`,
  );
  if (conflicts.length === 0) return;
  throw invalidParameter(
    `unable to configure the Docker daemon with file ${path}: the following directives are specified both as a flag ` +
      `and in the configuration file: ${conflicts.sort().join(", ")}`,
  );
}

function validate(config: DaemonConfig): void {
  for (const [name, { flag, key, refuse }] of OPTION_LIST) {
    const reason = refuse?.(config[name]);
    if (reason !== undefined)
      throw invalidParameter(flag === "" ? `${key}: ${reason}` : `--${flag} (${key || flag}) ${reason}`);
  }
  refuseConflictingLabels(config.labels);
  if (config.hostGatewayIp !== "") {
    OPTIONS.ip.kind.parse(config.hostGatewayIp, undefined);
  }
  if (!config.iptables && !config.icc) {
    throw invalidParameter(
      "You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or --iptables to true",
    );
  }
  if (config.ipv6 && config.fixedCidrV6 === "") {
    throw invalidParameter(
      "IPv6 is enabled for the default bridge, but no subnet is configured. Specify an IPv6 subnet using --fixed-cidr-v6",
    );
  }
  if (config.tlsVerify) config.tls = true;
}

function refuseConflictingLabels(labels: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const entry of labels) {
    const name = entry.slice(0, entry.indexOf("="));
    const other = seen.get(name);
    if (other !== undefined && other !== entry)
      throw invalidParameter(`conflict labels for ${entry} and ${other}`);
    seen.set(name, entry);
  }
}
