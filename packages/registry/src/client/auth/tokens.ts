import { goJsonSyntaxError } from "@berth/api/go-json";
import { forbidden, sha256, unauthorized } from "@berth/base";
import type { Login } from "../client.ts";
import { errorOfAnswer, RegistryError } from "../errors.ts";
import type { Challenge } from "./challenge.ts";

/** How a token server is asked; answers are read whole and bounded. */
export type TokenFetch = (
  url: string,
  init: { method: "GET" | "POST"; headers: Record<string, string>; body?: string },
  signal: AbortSignal,
) => Promise<{ status: number; body: Uint8Array }>;

export interface Token {
  token: string;
  /** Milliseconds since 1970. */
  expires: number;
  /** OAuth 2: stands for user and password from now on. */
  refreshToken: string | undefined;
}

const CLIENT_ID = "berth";
/** When the server does not say it: of the token specification. */
const DEFAULT_LIFE = 60;
/** A token is not used in its last seconds: the request has to arrive. */
const MARGIN = 5000;
const MOST_TOKENS = 1000;
const MAX_TOKEN = 256 * 1024;

/** Tokens of all registries, for as long as they are good. */
export class TokenCache {
  readonly #tokens = new Map<string, Token>();
  readonly #challenges = new Map<string, Challenge>();

  find(key: string): Token | undefined {
    const found = this.#tokens.get(key);
    if (found === undefined) return undefined;
    if (found.expires - MARGIN > Date.now()) return found;
    this.#tokens.delete(key);
    return undefined;
  }

  keep(key: string, token: Token): void {
    if (this.#tokens.size >= MOST_TOKENS) this.#tokens.delete(this.#tokens.keys().next().value!);
    this.#tokens.set(key, token);
  }

  drop(key: string): void {
    this.#tokens.delete(key);
  }

  /** What a host asked for last: the next request brings it along. */
  challenge(host: string): Challenge | undefined {
    return this.#challenges.get(host);
  }

  learn(host: string, challenge: Challenge): void {
    if (this.#challenges.size >= MOST_TOKENS) this.#challenges.clear();
    this.#challenges.set(host, challenge);
  }
}

/** Different for different users: nobody gets what another one's credentials opened. */
export function loginKey(login: Login | undefined): string {
  if (login === undefined) return "";
  const { username, password, identityToken, registryToken } = login;
  return sha256(JSON.stringify([username, password, identityToken, registryToken]));
}

export function basic(login: Login): string {
  return `Basic ${Buffer.from(`${login.username ?? ""}:${login.password ?? ""}`).toString("base64")}`;
}

/** Whether there are user and password. */
export function hasPassword(login: Login | undefined): login is Login {
  return login !== undefined && (login.username ?? "") !== "" && login.password !== undefined;
}

/**
 * Asks the token server that a challenge names (Docker's token specification; with an identity token the OAuth 2 one).
 * @throws unauthorized and others, of the server's answer.
 */
export async function fetchToken(
  fetch: TokenFetch,
  challenge: Challenge,
  scopes: readonly string[],
  login: Login | undefined,
  options: { offline?: boolean; secure: boolean },
  signal: AbortSignal,
): Promise<Token> {
  const realm = challenge.parameters.get("realm");
  if (realm === undefined) throw unauthorized("no realm specified for token auth challenge");
  let url: URL;
  try {
    url = new URL(realm);
  } catch {
    throw unauthorized(`invalid token auth challenge realm: ${JSON.stringify(realm.slice(0, 200))}`);
  }
  const isPlain = url.protocol === "http:";
  if (!isPlain && url.protocol !== "https:") {
    throw unauthorized(`invalid token auth challenge realm: ${JSON.stringify(realm.slice(0, 200))}`);
  }
  const secret = login?.identityToken !== undefined || hasPassword(login);
  if (isPlain && options.secure && secret) {
    throw forbidden(`credentials are not sent to ${url.origin}: it is not encrypted, and the registry is`);
  }
  const service = challenge.parameters.get("service") ?? "";
  const identity = login?.identityToken;
  const answer =
    identity !== undefined && identity !== ""
      ? await fetch(
          url.href,
          {
            method: "POST",
            headers: { "Content-Type": "application/x-www-form-urlencoded" },
            body: new URLSearchParams({
              grant_type: "refresh_token",
              refresh_token: identity,
              service,
              client_id: CLIENT_ID,
              ...(scopes.length > 0 && { scope: scopes.join(" ") }),
            }).toString(),
          },
          signal,
        )
      : await fetch(
          getUrl(url, service, scopes, login, options.offline === true),
          { method: "GET", headers: hasPassword(login) ? { Authorization: basic(login) } : {} },
          signal,
        );
  if (answer.status !== 200) throw errorOfAnswer(answer.status, answer.body);
  return readToken(answer.body);
}

function getUrl(
  realm: URL,
  service: string,
  scopes: readonly string[],
  login: Login | undefined,
  offline: boolean,
): string {
  const url = new URL(realm);
  if (service !== "") url.searchParams.append("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (offline) {
    url.searchParams.append("offline_token", "true");
    url.searchParams.append("client_id", CLIENT_ID);
  }
  if (hasPassword(login)) url.searchParams.append("account", login.username!);
  return url.href;
}

function readToken(bytes: Uint8Array): Token {
  const text = new TextDecoder().decode(bytes);
  let json: Record<string, unknown> = {};
  try {
    json = (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    throw new RegistryError(200, "", `unable to decode token response: ${goJsonSyntaxError(text)}`);
  }
  const token = [json.token, json.access_token].find((each) => typeof each === "string" && each !== "");
  if (typeof token !== "string") {
    throw new RegistryError(200, "", "authorization server did not include a token in the response");
  }
  // It goes into a header.
  if (token.length > MAX_TOKEN || /[^\x21-\x7e]/.test(token)) {
    throw new RegistryError(200, "", "authorization server sent a token that is none");
  }
  const life = Number(json.expires_in ?? DEFAULT_LIFE);
  const issued = Date.parse(typeof json.issued_at === "string" ? json.issued_at : "");
  const now = Date.now();
  const seconds = Number.isFinite(life) && life > 0 ? Math.max(life, DEFAULT_LIFE) : DEFAULT_LIFE;
  // A clock that goes wrong on one side does not make a fresh token old.
  const start = Number.isNaN(issued) || Math.abs(issued - now) > 300_000 ? now : issued;
  return {
    token,
    expires: start + seconds * 1000,
    refreshToken:
      typeof json.refresh_token === "string" && json.refresh_token !== "" ? json.refresh_token : undefined,
  };
}
