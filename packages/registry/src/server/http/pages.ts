import { RegistryError } from "../errors.ts";
import type { PageRequest } from "../repository/listing.ts";

const MOST = 1_000_000;

/** `n` and `last` of a list. @param standard entries when `n` is absent; undefined: all. @throws PAGINATION_NUMBER_INVALID. */
export function pageRequest(query: URLSearchParams, standard?: number): PageRequest {
  const last = query.get("last") ?? "";
  const text = query.get("n");
  if (text === null || text === "") return { last, ...(standard !== undefined && { count: standard }) };
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= 0))
    throw new RegistryError("PAGINATION_NUMBER_INVALID", { detail: { n: text.slice(0, 100) } });
  return { last, count: Math.min(count, MOST) };
}

/** The `Link` header to the next page (RFC 8288), when there is one. */
export function nextLink(
  path: string,
  query: Record<string, string | undefined>,
  more: boolean,
): Record<string, string> {
  if (!more) return {};
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) parameters.set(key, value);
  return { Link: `<${path}?${parameters}>; rel="next"` };
}

export function json(body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    headers: { "Content-Type": "application/json; charset=utf-8", ...headers },
  });
}
