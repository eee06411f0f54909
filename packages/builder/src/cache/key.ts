import { encoded, sha256 } from "@berth/base";

/** A digest of values, in which no two different lists are alike. Hex. */
export function keyOf(...parts: readonly unknown[]): string {
  return encoded(sha256(stable(parts)));
}

/** JSON with sorted members; undefined members are left out. */
function stable(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stable).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${stable(member)}`);
  return `{${members.join(",")}}`;
}
