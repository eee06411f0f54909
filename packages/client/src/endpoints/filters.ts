/** `label` → `["a=b", "c"]`. */
export type FilterValues =
  | ReadonlyMap<string, readonly string[]>
  | Readonly<Record<string, readonly string[]>>;

/** The `filters` query parameter in the form that every daemon since API 1.22 reads; nothing when there are none. */
export function encodeFilters(filters: FilterValues | undefined): { filters?: string } {
  if (filters === undefined) return {};
  const entries: Iterable<[string, readonly string[]]> =
    filters instanceof Map ? filters : Object.entries(filters as Record<string, readonly string[]>);
  const encoded: Record<string, Record<string, boolean>> = {};
  for (const [key, values] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    encoded[key] = Object.fromEntries([...values].sort().map((value) => [value, true]));
  }
  return Object.keys(encoded).length === 0 ? {} : { filters: JSON.stringify(encoded) };
}
