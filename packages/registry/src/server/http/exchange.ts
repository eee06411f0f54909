import type { Access, Principal } from "../auth/access.ts";
import type { EventTarget, RegistryEvent } from "../observe/events.ts";
import type { Awaitable } from "../storage/object-store.ts";

/** One request on its way through the handlers. */
export interface Exchange {
  request: Request;
  query: URLSearchParams;
  principal: Principal;
  /** Whether the requester may do that besides what the route needs (mounting from another repository). */
  may(access: Access): boolean;
  /** Whether the list of all repositories shows this one. */
  sees(repository: string): boolean;
  /** Says what happened to those who want to know. @param target asked for only when there is somebody. */
  happened(
    action: RegistryEvent["action"],
    target: () => Awaitable<EventTarget | undefined>,
  ): Awaitable<void>;
}

const NO_QUERY = new URLSearchParams();

/**
 * Path and query of a request's URL, without the cost of a URL object. Requests without a usable `Host` (HTTP/1.0, as health
 * checks send them) have the path alone for a URL.
 */
export function splitUrl(url: string): { path: string; query: URLSearchParams; raw: string } {
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3);
  const raw = start < 0 ? "/" : url.slice(start);
  const mark = raw.indexOf("?");
  return mark < 0
    ? { path: raw, query: NO_QUERY, raw }
    : { path: raw.slice(0, mark), query: new URLSearchParams(raw.slice(mark + 1)), raw };
}
