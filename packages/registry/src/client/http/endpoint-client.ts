import { systemError, tooLarge } from "@berth/base";
import { Authorizer } from "../auth/authorizer.ts";
import { parseChallenges } from "../auth/challenge.ts";
import type { TokenCache, TokenFetch } from "../auth/tokens.ts";
import type { Credentials } from "../client.ts";
import {
  bearerError,
  ConnectionError,
  errorOfAnswer,
  MAX_ERROR_BYTES,
  type RegistryError,
} from "../errors.ts";
import type { Endpoint } from "../hosts/endpoint.ts";
import { connectionError } from "./connection-error.ts";
import { isPassing, Postponed, retryAfter } from "./retry.ts";
import { systemAuthorities } from "./system-ca.ts";

export interface Ask {
  method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Behind the API's prefix, `/library/x/tags/list`; or a whole URL, of a `Location`. */
  target: string;
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array | string | Blob | ReadableStream<Uint8Array>;
  /** `repository:library/x:pull`. */
  scopes: readonly string[];
  signal: AbortSignal;
  /** Milliseconds until the answer's head must be there. */
  within?: number;
  /** No authorization but what is in `headers`. */
  anonymous?: boolean;
}

/** What the endpoints of one client know together. */
export interface Shared {
  tokens: TokenCache;
  /** Which scheme a host answered on. */
  schemes: Map<string, "https" | "http">;
  userAgent: string;
  attempts: number;
}

const HEAD_WITHIN = 60_000;
const MOST_REDIRECTS = 10;
const MAX_TOKEN_ANSWER = 1 << 20;

/** Requests to one endpoint: scheme, certificates, authorization, redirects, time limits. Answers of any status are returned. */
export class EndpointClient {
  readonly endpoint: Endpoint;
  readonly #shared: Shared;
  readonly #authorizer: Authorizer;
  readonly #tls: Record<string, unknown>;

  constructor(endpoint: Endpoint, shared: Shared, credentials: Credentials | undefined) {
    this.endpoint = endpoint;
    this.#shared = shared;
    const { ca, cert, key, verify } = endpoint.tls;
    this.#tls = {
      rejectUnauthorized: verify,
      ca: [...systemAuthorities(), ...ca],
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    };
    this.#authorizer = new Authorizer(endpoint, credentials, shared.tokens, this.tokenFetch);
  }

  /** Asks a token server, with the certificates of this endpoint. */
  readonly tokenFetch: TokenFetch = async (url, init, signal) => {
    const { response } = await this.#follow({ ...init, url, within: HEAD_WITHIN, signal, token: true });
    return { status: response.status, body: await readAll(response, MAX_TOKEN_ANSWER) };
  };

  /** The beginning of URLs of this endpoint; of the scheme that is most likely. */
  get base(): string {
    return `${this.#schemes()[0]}://${this.endpoint.host}${this.endpoint.prefix}`;
  }

  /** @throws ConnectionError, unauthorized, cancelled. */
  async send(ask: Ask): Promise<Response> {
    if (!ask.target.startsWith("/")) return await this.#authorized(ask.target, ask);
    let failure: unknown;
    const known = this.#shared.schemes.get(this.endpoint.host);
    for (const scheme of this.#schemes()) {
      try {
        const { host, prefix } = this.endpoint;
        return await this.#authorized(`${scheme}://${host}${prefix}${ask.target}`, ask);
      } catch (error) {
        if (!(error instanceof ConnectionError) || ask.signal.aborted) throw error;
        // A host that was slow, or broke off, still speaks what it spoke.
        if (scheme === known && error.transient) throw error;
        failure = error;
        this.#shared.schemes.delete(this.endpoint.host);
      }
    }
    throw failure;
  }

  /** A `Location` as a whole URL. @throws system when there is none. */
  locationOf(response: Response): string {
    const location = response.headers.get("location");
    if (location === null || location.length > 16_384)
      throw systemError("the registry did not say the location of an upload");
    try {
      return new URL(location, response.url).href;
    } catch {
      throw systemError("the registry said an invalid location of an upload");
    }
  }

  #schemes(): readonly ("https" | "http")[] {
    const known = this.#shared.schemes.get(this.endpoint.host);
    const all = this.endpoint.schemes;
    return known === undefined || !all.includes(known)
      ? all
      : [known, ...all.filter((each) => each !== known)];
  }

  async #authorized(url: string, ask: Ask): Promise<Response> {
    const mine = new URL(url).host === hostOf(this.endpoint.host, url);
    const own = mine && !ask.anonymous;
    let authorization = own ? await this.#authorizer.known(ask.scopes) : undefined;
    const secure = url.startsWith("https:");
    for (let round = 0; ; round++) {
      const { response, foreign } = await this.#follow({
        method: ask.method,
        url,
        headers: { ...ask.headers },
        body: ask.body,
        authorization,
        within: ask.within ?? HEAD_WITHIN,
        signal: ask.signal,
      });
      if (!foreign && mine) this.#shared.schemes.set(this.endpoint.host, secure ? "https" : "http");
      // A body that was a stream is gone; who sent it begins anew. Other hosts get nothing from us.
      if (response.status !== 401 || round === 1 || !own || foreign || ask.body instanceof ReadableStream)
        return response;
      const header = response.headers.get("www-authenticate");
      if (header === null) return response;
      const better = await this.#authorizer.answer(header, ask.scopes, authorization, secure, ask.signal);
      if (better === undefined) return response;
      await drop(response);
      authorization = better;
    }
  }

  /** One request, and what it is redirected to: the authorization and the endpoint's own headers stay at its host. */
  async #follow(request: {
    method: string;
    url: string;
    headers: Record<string, string>;
    body?: Ask["body"];
    authorization?: string | undefined;
    within: number;
    signal: AbortSignal;
    /** Of a token server: its `Authorization` is in the headers, and it is not the endpoint's host. */
    token?: boolean;
  }): Promise<{ response: Response; foreign: boolean }> {
    const first = new URL(request.url);
    let url = first;
    let { method, body } = request;
    for (let hops = 0; ; hops++) {
      const foreign = url.host !== first.host || (first.protocol === "https:" && url.protocol !== "https:");
      const own = request.authorization !== undefined && !foreign;
      const headers: Record<string, string> = {
        "User-Agent": this.#shared.userAgent,
        ...(foreign ? withoutAuthorization(request.headers) : request.headers),
        ...(foreign || request.token ? {} : this.endpoint.headers),
        ...(own && { Authorization: request.authorization! }),
      };
      const response = await this.#fetch(url, { method, headers, body }, request.within, request.signal);
      const to = response.headers.get("location");
      const { status } = response;
      const redirected = to !== null && [301, 302, 303, 307, 308].includes(status);
      if (!redirected) return { response, foreign };
      const isRead = method === "GET" || method === "HEAD";
      if (!isRead && (status < 307 || body instanceof ReadableStream)) return { response, foreign };
      await drop(response);
      if (hops === MOST_REDIRECTS)
        throw systemError(`Get "${request.url}": stopped after ${MOST_REDIRECTS} redirects`);
      url = target(to, url);
      if (isRead) body = undefined;
      else method = request.method;
    }
  }

  async #fetch(
    url: URL,
    init: { method: string; headers: Record<string, string>; body: Ask["body"] },
    within: number,
    signal: AbortSignal,
  ): Promise<Response> {
    signal.throwIfAborted();
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), within);
    try {
      return await fetch(url, {
        method: init.method,
        headers: init.headers,
        ...(init.body !== undefined && { body: init.body }),
        redirect: "manual",
        decompress: false,
        timeout: false,
        signal: AbortSignal.any([signal, timeout.signal]),
        ...(url.protocol === "https:" && { tls: this.#tls }),
      } as RequestInit);
    } catch (error) {
      signal.throwIfAborted();
      const cause = timeout.signal.aborted
        ? Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })
        : error;
      const scheme = url.protocol === "https:" ? "https" : "http";
      // Without TLS is tried next where that is allowed.
      const isLast = this.endpoint.schemes.at(-1) === scheme || url.host !== this.endpoint.host;
      throw await connectionError(url, cause, isLast);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** `host` without the port that a URL leaves out. */
function hostOf(host: string, url: string): string {
  const scheme = url.slice(0, url.indexOf(":"));
  return scheme === "https" ? host.replace(/:443$/, "") : host.replace(/:80$/, "");
}

function target(location: string, from: URL): URL {
  let url: URL | undefined;
  try {
    url = new URL(location, from);
  } catch {
    // Said below.
  }
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw systemError(`Get "${from.href}": redirected to an invalid location`);
  }
  return url;
}

function withoutAuthorization({
  Authorization: _,
  ...headers
}: Record<string, string>): Record<string, string> {
  return headers;
}

/** Frees the connection of an answer that nobody reads. */
export async function drop(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

/** A whole small answer. @throws too-large. */
export async function readAll(response: Response, maximum: number): Promise<Uint8Array> {
  const length = Number(response.headers.get("content-length") ?? 0);
  const parts: Uint8Array[] = [];
  let size = 0;
  if (length <= maximum && response.body !== null) {
    for await (const part of watched(response)) {
      size += part.length;
      if (size > maximum) break;
      parts.push(part);
    }
  }
  if (length > maximum || size > maximum) {
    await drop(response);
    throw tooLarge(`an answer of ${new URL(response.url).host} has more than ${maximum} bytes`);
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** Without a byte for so long a connection is given up. */
const STALL = 45_000;

/** The body of an answer; a connection that breaks or says nothing any more is a ConnectionError. */
export async function* watched(response: Response, stall = STALL): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const host = new URL(response.url).host;
  let waiting = Date.now();
  let giveUp: ((error: Error) => void) | undefined;
  const timer = setInterval(
    () => {
      if (Date.now() - waiting > stall)
        giveUp?.(new ConnectionError(`read from ${host}: i/o timeout`, "ETIMEDOUT", true));
    },
    Math.min(stall, 1000),
  );
  // Not a race with one promise for all: that would keep each piece until the end.
  const read = () =>
    new Promise<Awaited<ReturnType<typeof reader.read>>>((resolve, reject) => {
      giveUp = reject;
      reader.read().then(resolve, reject);
    });
  try {
    for (;;) {
      waiting = Date.now();
      const next = await read();
      if (next.done) return;
      waiting = Number.POSITIVE_INFINITY;
      yield next.value as Uint8Array;
    }
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    const { name, code } = error as { name?: string; code?: unknown };
    if (name === "AbortError" || name === "TimeoutError") throw error;
    throw new ConnectionError(`read from ${host}: unexpected EOF`, String(code ?? ""), true, error);
  } finally {
    clearInterval(timer);
    await reader.cancel().catch(() => {});
  }
}

/** The error that an answer is. A `Postponed` when it may pass. */
export async function failureOf(response: Response): Promise<RegistryError | Postponed> {
  const { status } = response;
  let body: Uint8Array = new Uint8Array();
  try {
    body = await readAll(response, MAX_ERROR_BYTES);
  } catch {
    // Its status says enough.
  }
  const header = response.headers.get("www-authenticate");
  const bearer =
    header === null ? undefined : parseChallenges(header).find(({ scheme }) => scheme === "bearer");
  const failure =
    (status === 401 || status === 403) && bearer !== undefined
      ? (bearerError(status, bearer.parameters) ?? errorOfAnswer(status, body))
      : errorOfAnswer(status, body);
  return isPassing(status)
    ? new Postponed(failure, retryAfter(response.headers.get("retry-after")))
    : failure;
}
