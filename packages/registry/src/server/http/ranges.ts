import type { ByteRange } from "../storage/object-store.ts";

const INTEGER = /^\d{1,15}$/;

/**
 * The one range that a `Range` header asks for (RFC 9110, 14.2).
 * @returns undefined for what is to be ignored (another unit, several ranges, bad syntax); `"unsatisfiable"` for one outside.
 */
export function parseRange(header: string | null, size: number): ByteRange | "unsatisfiable" | undefined {
  if (header === null) return undefined;
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/.exec(header);
  if (match === null) return undefined;
  const [, first, last] = match as unknown as [string, string, string];
  if (first === "") {
    if (!INTEGER.test(last)) return undefined;
    const count = Number(last);
    if (count === 0 || size === 0) return "unsatisfiable";
    return { start: Math.max(0, size - count), end: size };
  }
  if (!INTEGER.test(first) || (last !== "" && !INTEGER.test(last))) return undefined;
  const start = Number(first);
  const end = last === "" ? size : Math.min(size, Number(last) + 1);
  if (last !== "" && Number(last) < start) return undefined;
  return start >= size ? "unsatisfiable" : { start, end };
}

/**
 * The range of a chunk: `<start>-<end>`, both inclusive, as the distribution-spec writes it; also with `bytes ` before and
 * `/size` behind, as HTTP does.
 * @returns undefined when it is malformed.
 */
export function parseChunkRange(header: string): ByteRange | undefined {
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/.exec(header.trim());
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = Number(match[2]) + 1;
  return end > start ? { start, end } : undefined;
}

/** Whether an `If-None-Match` header names this entity (RFC 9110, 13.1.2; weak comparison). */
export function matchesEtag(header: string | null, digest: string): boolean {
  if (header === null) return false;
  if (header.trim() === "*") return true;
  return header.split(",").some((each) => {
    const tag = each.trim().replace(/^W\//, "");
    return tag === `"${digest}"` || tag === digest;
  });
}
