import { unauthorized } from "@berth/base";
import type { Credentials, Login } from "../client.ts";
import type { Endpoint } from "../hosts/endpoint.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { basic, fetchToken, hasPassword, loginKey, type TokenCache, type TokenFetch } from "./tokens.ts";

/** `Authorization` for one endpoint, on behalf of one user. */
export class Authorizer {
  readonly #endpoint: Endpoint;
  readonly #credentials: Credentials | undefined;
  readonly #cache: TokenCache;
  readonly #fetch: TokenFetch;
  #login: Promise<Login | undefined> | undefined;
  /** Requests that run at once share one question for a token. */
  readonly #asking = new Map<string, Promise<string>>();

  constructor(
    endpoint: Endpoint,
    credentials: Credentials | undefined,
    cache: TokenCache,
    fetch: TokenFetch,
  ) {
    this.#endpoint = endpoint;
    this.#credentials = credentials;
    this.#cache = cache;
    this.#fetch = fetch;
  }

  /** What is known to be wanted, without asking anybody. */
  async known(scopes: readonly string[]): Promise<string | undefined> {
    const challenge = this.#cache.challenge(this.#endpoint.host);
    const login = challenge === undefined ? undefined : await this.#find();
    if (challenge === undefined) return undefined;
    if (login?.registryToken !== undefined && login.registryToken !== "")
      return `Bearer ${login.registryToken}`;
    if (challenge.scheme === "basic") return hasPassword(login) ? basic(login) : undefined;
    const token = this.#cache.find(this.#key(challenge, scopes, login));
    return token === undefined ? undefined : `Bearer ${token.token}`;
  }

  /**
   * After a 401: what the registry wants. `refused`: the header that it did not take.
   * @returns undefined when there is nothing better than what was sent. @throws unauthorized.
   */
  async answer(
    header: string,
    scopes: readonly string[],
    refused: string | undefined,
    secure: boolean,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const challenges = parseChallenges(header);
    const challenge =
      challenges.find(({ scheme }) => scheme === "bearer") ??
      challenges.find(({ scheme }) => scheme === "basic");
    if (challenge === undefined) return undefined;
    const login = await this.#find();
    this.#cache.learn(this.#endpoint.host, challenge);
    const better = (value: string) => (value === refused ? undefined : value);
    if (login?.registryToken !== undefined && login.registryToken !== "")
      return better(`Bearer ${login.registryToken}`);
    if (challenge.scheme === "basic") {
      if (!hasPassword(login)) throw unauthorized("no basic auth credentials");
      return better(basic(login));
    }
    const key = this.#key(challenge, scopes, login);
    if (refused === `Bearer ${this.#cache.find(key)?.token}`) this.#cache.drop(key);
    const cached = this.#cache.find(key);
    if (cached !== undefined) return better(`Bearer ${cached.token}`);
    const asking = this.#asking.get(key) ?? this.#ask(key, challenge, scopes, login, secure, signal);
    return better(await asking);
  }

  #ask(
    key: string,
    challenge: Challenge,
    scopes: readonly string[],
    login: Login | undefined,
    secure: boolean,
    signal: AbortSignal,
  ): Promise<string> {
    const asking = fetchToken(this.#fetch, challenge, scopes, login, { secure }, signal)
      .then((token) => {
        this.#cache.keep(key, token);
        return `Bearer ${token.token}`;
      })
      .finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  #find(): Promise<Login | undefined> {
    this.#login ??= Promise.resolve(this.#credentials?.find(this.#endpoint.domain));
    return this.#login;
  }

  #key(challenge: Challenge, scopes: readonly string[], login: Login | undefined): string {
    const { parameters } = challenge;
    return [
      this.#endpoint.host,
      parameters.get("realm") ?? "",
      parameters.get("service") ?? "",
      scopes.join(" "),
      loginKey(login),
    ].join("\n");
  }
}
