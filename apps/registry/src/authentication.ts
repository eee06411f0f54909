import { readFileSync } from "node:fs";
import { messageOf } from "@berth/base";
import {
  type Authenticator,
  BasicAuthenticator,
  BearerAuthenticator,
  Htpasswd,
  loadSigningKey,
  type ObjectStore,
  OPEN,
  parseRights,
  type Rights,
  TOKEN_PATH,
  TokenEndpoint,
  type Trust,
  trustFromJwks,
  trustFromPem,
  USERS_MAY_ALL,
} from "@berth/registry/server";
import type { Config } from "./config/options.ts";

export interface Authentication {
  authenticator: Authenticator;
  /** Paths besides the API's. */
  other(request: Request, path: string): Promise<Response> | undefined;
}

/** @throws Error that names the file that is wrong. */
function read<T>(file: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`${file}: ${messageOf(error)}`);
  }
}

/** Who may do what, by configuration. */
export async function authentication(config: Config, store: ObjectStore): Promise<Authentication> {
  const nothing = () => undefined;
  if (config.tokenRealm !== "") {
    const authenticator = new BearerAuthenticator({
      realm: () => config.tokenRealm,
      service: config.tokenService,
      issuer: config.tokenIssuer,
      trust: await trustOf(config),
      sees: () => true,
    });
    return { authenticator, other: nothing };
  }
  if (config.htpasswd === "") return { authenticator: OPEN, other: nothing };
  const users = read(config.htpasswd, (text) => Htpasswd.parse(text));
  const rights: Rights = config.rights === "" ? USERS_MAY_ALL : read(config.rights, parseRights);
  if (!config.issueTokens)
    return { authenticator: new BasicAuthenticator(users, rights, config.htpasswdRealm), other: nothing };
  const service = config.tokenService === "" ? "registry" : config.tokenService;
  const endpoint = new TokenEndpoint(
    users,
    rights,
    config.htpasswdRealm,
    service,
    await loadSigningKey(store),
  );
  const authenticator = new BearerAuthenticator({
    realm: (request) => (config.host === "" ? new URL(request.url).origin : config.host) + TOKEN_PATH,
    service,
    issuer: endpoint.issuer,
    trust: endpoint.trust,
    sees: (user, repository) => endpoint.sees(user, repository),
  });
  return {
    authenticator,
    other: (request, path) => (path === TOKEN_PATH ? endpoint.handle(request) : undefined),
  };
}

async function trustOf(config: Config): Promise<Trust> {
  const parts: Trust[] = [];
  if (config.tokenCertificates !== "") parts.push(read(config.tokenCertificates, trustFromPem));
  if (/^https?:/.test(config.tokenKeys)) {
    const response = await fetch(config.tokenKeys, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`${config.tokenKeys}: status ${response.status}`);
    parts.push(trustFromJwks(await response.text()));
  } else if (config.tokenKeys !== "") parts.push(read(config.tokenKeys, trustFromJwks));
  return {
    keys: parts.flatMap(({ keys }) => keys),
    authorities: parts.flatMap(({ authorities }) => authorities),
  };
}
