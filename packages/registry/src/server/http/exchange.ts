import type { Access, Principal } from "../auth/access.ts";

/** One request on its way through the handlers. */
export interface Exchange {
  request: Request;
  query: URLSearchParams;
  principal: Principal;
  /** Whether the requester may do that besides what the route needs (mounting from another repository). */
  may(access: Access): boolean;
  /** Whether the list of all repositories shows this one. */
  sees(repository: string): boolean;
}

const NO_QUERY = new URLSearchParams();

/** Path and query of a request's URL, without the cost of a URL object. */
export function splitUrl(url: string): { path: string; query: URLSearchParams; raw: string } {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const raw = start < 0 ? "/" : url.slice(start);
  const mark = raw.indexOf("?");
  return mark < 0
    ? { path: raw, query: NO_QUERY, raw }
    : { path: raw.slice(0, mark), query: new URLSearchParams(raw.slice(mark + 1)), raw };
}
