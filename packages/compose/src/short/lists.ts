import { invalidParameter } from "@berth/base";

/** `host=address` or `host:address`; the address may stand in brackets. */
export function hostPair(item: string): [string, string] {
  const equals = item.indexOf("=");
  const at = equals >= 0 ? equals : item.indexOf(":");
  if (at < 0) throw invalidParameter(`invalid additional host, missing IP: ${item}`);
  const address = item.slice(at + 1);
  if (address === "") throw invalidParameter(`invalid additional host, missing IP: ${item}`);
  return [item.slice(0, at), address.replace(/^\[(.*)\]$/, "$1")];
}

/** `host[:container[:permissions]]`. */
export function devicesShort(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== "string") return undefined;
  const [source, target = source, permissions = "rwm", ...more] = value.split(":");
  if (more.length > 0) throw invalidParameter(`confusing device mapping, please use long syntax: ${value}`);
  return { source, target, permissions };
}
