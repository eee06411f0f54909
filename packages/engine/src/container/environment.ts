import type { EngineContext } from "../context.ts";
import type { Container } from "./container.ts";
import { linkEnvironment, resolveLink } from "./links.ts";
import { DEFAULT_NETWORK, networkMode } from "./network-mode.ts";

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Variables of a process in a container: PATH, HOSTNAME, TERM with a terminal, legacy links, then the configuration's,
 * then `more`. A later one of the same name takes the earlier one's place; a name alone takes it away.
 */
export function processEnvironment(
  engine: EngineContext,
  container: Container,
  tty: boolean,
  more: readonly string[] = [],
): string[] {
  const { config, hostConfig, name } = container.record;
  const mode = networkMode(config, hostConfig);
  const named = mode.kind === "join" ? (engine.containers.find(mode.container) ?? container) : container;
  const env = [`PATH=${DEFAULT_PATH}`, `HOSTNAME=${named.record.config.Hostname}`];
  if (tty) env.push("TERM=xterm");
  if (mode.kind === "networks" && mode.name === DEFAULT_NETWORK) {
    for (const text of hostConfig.Links ?? []) {
      const { target, alias } = resolveLink(text, engine.containers);
      env.push(...linkEnvironment(name, alias, target));
    }
  }
  return override(env, [...(config.Env ?? []), ...more]);
}

/** `changes` over `base`, in place where the name is there already. */
export function override(base: readonly string[], changes: readonly string[]): string[] {
  const values = new Map<string, string>();
  for (const entry of base) values.set(nameOf(entry), entry);
  for (const entry of changes) {
    if (entry.includes("=")) values.set(nameOf(entry), entry);
    else values.delete(entry);
  }
  return [...values.values()];
}

const nameOf = (entry: string) => entry.split("=", 1)[0]!;
