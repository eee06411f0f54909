import type { Context } from "./context.ts";
import type { FilterMap } from "./flags/types.ts";

/**
 * The filters of a prune: those of the command line, and those of config.json's `pruneFilters` (`label=x`, `label!=x`)
 * that the command line does not contradict.
 */
export async function pruneFilters(context: Context, given: FilterMap): Promise<FilterMap> {
  const configured = (await context.configuration()).file.pruneFilters ?? [];
  const filters = new Map(given);
  const has = (name: string, value: string) => given.get(name)?.includes(value) ?? false;
  for (const filter of configured) {
    const at = filter.indexOf("=");
    if (at < 0) continue;
    const name = filter.slice(0, at);
    const value = filter.slice(at + 1);
    const opposite = name === "label" ? "label!" : name === "label!" ? "label" : undefined;
    if (opposite !== undefined && has(opposite, value)) continue;
    const before = filters.get(name) ?? [];
    if (!before.includes(value)) filters.set(name, [...before, value]);
  }
  return filters;
}
