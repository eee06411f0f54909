import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { errorResponse, RegistryError } from "../errors.ts";
import { splitUrl } from "../http/exchange.ts";
import { readBody } from "../http/read-body.ts";
import { isName } from "../names.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { OWN } from "../storage/paths.ts";
import type { Action } from "./access.ts";
import { basicChallenge, basicCredentials } from "./challenge.ts";
import type { Users } from "./htpasswd.ts";
import { libtrustId, signToken, type Trust, verifyToken } from "./jwt.ts";
import type { Rights } from "./rights.ts";

export const TOKEN_PATH = "/token";
const ISSUER = "berth-registry";
const TOKEN_SECONDS = 300;
const REFRESH_SECONDS = 90 * 86_400;
const MOST_SCOPES = 100;
/** Bytes of a form. */
const MOST_FORM = 65_536;
const KEY = `${OWN}/token-key.pem`;

export interface SigningKey {
  key: KeyObject;
  id: string;
  trust: Trust;
}

/** The registry's own key (EC P-256), made at the first use and kept in the storage. */
export async function loadSigningKey(store: ObjectStore): Promise<SigningKey> {
  let pem = await store.read(KEY);
  if (pem === undefined) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    pem = Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" }) as string);
    await store.write([[KEY, pem]]);
  }
  const key = createPrivateKey(Buffer.from(pem));
  const publicKey = createPublicKey(key);
  const id = libtrustId(publicKey);
  return { key, id, trust: { keys: [{ key: publicKey, ids: [id] }], authorities: [] } };
}

interface Asked {
  user: string;
  password?: string;
  refreshToken?: string;
  scopes: string[];
  wantsRefresh: boolean;
}

/** The token service inside the registry (Docker's token authentication, by GET and by OAuth 2's POST). */
export class TokenEndpoint {
  readonly service: string;
  readonly issuer = ISSUER;
  readonly #users: Users;
  readonly #rights: Rights;
  readonly #realm: string;
  readonly #signing: SigningKey;

  constructor(users: Users, rights: Rights, realm: string, service: string, signing: SigningKey) {
    this.#users = users;
    this.#rights = rights;
    this.#realm = realm;
    this.service = service;
    this.#signing = signing;
  }

  get trust(): Trust {
    return this.#signing.trust;
  }

  sees(user: string, repository: string): boolean {
    return this.#rights.allows(user, { type: "repository", name: repository, action: "pull" });
  }

  async handle(request: Request): Promise<Response> {
    try {
      const asked = await readRequest(request);
      // Who has no name gets a token too: the registry says then what it does not allow, which clients understand better.
      const user = await this.#identify(asked);
      return Response.json(this.#issue(user, asked), { headers: { "Cache-Control": "no-store" } });
    } catch (error) {
      if (error instanceof RegistryError) return errorResponse(error);
      throw error;
    }
  }

  async #identify({ user, password, refreshToken }: Asked): Promise<string> {
    if (refreshToken !== undefined) {
      const claims = verifyToken(refreshToken, this.trust);
      if (claims?.aud !== this.#refreshAudience || typeof claims.sub !== "string")
        throw basicChallenge(this.#realm);
      // It ends with the user and with the password that it was given for.
      const stamp = this.#users.stampOf(claims.sub);
      if (stamp === undefined || claims.stamp !== stamp) throw basicChallenge(this.#realm);
      return claims.sub;
    }
    if (password === undefined) return "";
    if (await this.#users.verify(user, password)) return user;
    throw basicChallenge(this.#realm);
  }

  get #refreshAudience(): string {
    return `${this.service} refresh`;
  }

  #issue(user: string, { scopes, wantsRefresh }: Asked) {
    const now = Math.floor(Date.now() / 1000);
    const common = { iss: this.issuer, sub: user, iat: now, nbf: now - 10, jti: crypto.randomUUID() };
    const sign = (claims: object) => signToken({ ...common, ...claims }, this.#signing.key, this.#signing.id);
    const access = scopes.slice(0, MOST_SCOPES).flatMap((scope) => this.#grant(user, scope));
    const token = sign({ aud: this.service, exp: now + TOKEN_SECONDS, access });
    return {
      token,
      access_token: token,
      expires_in: TOKEN_SECONDS,
      issued_at: new Date(now * 1000).toISOString(),
      ...(wantsRefresh &&
        user !== "" && {
          refresh_token: sign({
            aud: this.#refreshAudience,
            exp: now + REFRESH_SECONDS,
            stamp: this.#users.stampOf(user),
          }),
        }),
    };
  }

  /** What of a scope the user may do. */
  #grant(user: string, scope: string): { type: string; name: string; actions: string[] }[] {
    const match = /^([a-z]+)(?:\([a-z]+\))?:(.+):([a-z,*]+)$/.exec(scope);
    if (match === null) return [];
    const [, type, name, text] = match as unknown as [string, string, string, string];
    if (type === "registry" && name === "catalog") {
      const may = this.#rights.allows(user, { type: "registry", name: "catalog", action: "*" });
      return may ? [{ type, name, actions: ["*"] }] : [];
    }
    if (type !== "repository" || !isName(name)) return [];
    const wanted = text.split(",").flatMap((each) => (each === "*" ? ["pull", "push", "delete"] : [each]));
    const actions = [...new Set(wanted)].filter(
      (each): each is Action =>
        ["pull", "push", "delete"].includes(each) &&
        this.#rights.allows(user, { type: "repository", name, action: each as Action }),
    );
    return actions.length === 0 ? [] : [{ type, name, actions }];
  }
}

async function readRequest(request: Request): Promise<Asked> {
  const basic = basicCredentials(request.headers.get("authorization"));
  if (request.method === "POST") {
    const form = new URLSearchParams(new TextDecoder().decode(await readBody(request, MOST_FORM)));
    const grant = form.get("grant_type");
    const common = {
      scopes: (form.get("scope") ?? "").split(" ").filter((each) => each !== ""),
      wantsRefresh: form.get("access_type") === "offline",
    };
    if (grant === "password")
      return { ...common, user: form.get("username") ?? "", password: form.get("password") ?? "" };
    if (grant === "refresh_token")
      return { ...common, user: "", refreshToken: form.get("refresh_token") ?? "", wantsRefresh: false };
    throw new RegistryError("UNSUPPORTED", { status: 400, message: "unsupported grant_type" });
  }
  if (request.method !== "GET") throw new RegistryError("UNSUPPORTED");
  const { query } = splitUrl(request.url);
  return {
    user: basic?.user ?? "",
    ...(basic !== undefined && { password: basic.password }),
    scopes: query.getAll("scope").flatMap((each) => each.split(" ")),
    wantsRefresh: query.get("offline_token") === "true",
  };
}
