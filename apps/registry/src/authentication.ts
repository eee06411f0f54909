import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { log, messageOf, writeFileAtomic } from "@berth/base";
import {
  type Authenticator,
  BasicAuthenticator,
  BearerAuthenticator,
  bcryptPassword,
  HtpasswdFile,
  loadSigningKey,
  type ObjectStore,
  OPEN,
  originOf,
  parseRights,
  type Rights,
  TOKEN_PATH,
  TokenEndpoint,
  type TokenService,
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
      realm: (request) =>
        config.tokenRedirect ? originOf(request) + config.tokenRedirectPath : config.tokenRealm,
      service: config.tokenService,
      issuer: config.tokenIssuer,
      ...(await trustOf(config)),
      sees: () => true,
    });
    return { authenticator, other: nothing };
  }
  if (config.htpasswd === "") return { authenticator: OPEN, other: nothing };
  if (!existsSync(config.htpasswd)) await provision(config.htpasswd);
  const users = new HtpasswdFile(config.htpasswd);
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
    realm: (request) =>
      (config.host === "" ? originOf(request) : config.host.replace(/\/+$/, "")) +
      config.prefix.replace(/\/+$/, "") +
      TOKEN_PATH,
    service,
    issuer: endpoint.issuer,
    trust: () => endpoint.trust,
    sees: (user, repository) => endpoint.sees(user, repository),
  });
  return {
    authenticator,
    other: (request, path) => (path === TOKEN_PATH ? endpoint.handle(request) : undefined),
  };
}

/** As Docker's registry does: a file that is not there is made, with one user, whose password only the log has. */
async function provision(file: string): Promise<void> {
  const user = "docker";
  const password = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
  const hash = await Bun.password.hash(bcryptPassword(password), { algorithm: "bcrypt", cost: 5 });
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileAtomic(file, `${user}:${hash}\n`, 0o600);
  log.warn("htpasswd is missing, provisioning with default user", { file, user, password });
}

const isUrl = (place: string): boolean => /^https?:/.test(place);

/** Time between two looks at a set of keys because of tokens that none of them signed: anybody can send such tokens. */
const LOOK_MILLISECONDS = 30_000;

async function fetchKeys(url: string): Promise<Trust> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return trustFromJwks(await response.text());
}

/** The keys of the token service; those at a URL are asked for again when the service has taken new ones. */
async function trustOf(config: Config): Promise<Pick<TokenService, "trust" | "renew">> {
  const { tokenCertificates, tokenKeys, tokenAlgorithms } = config;
  const fixed: Trust[] = [];
  if (tokenCertificates !== "") fixed.push(read(tokenCertificates, trustFromPem));
  if (tokenKeys !== "" && !isUrl(tokenKeys)) fixed.push(read(tokenKeys, trustFromJwks));
  const together = (fetched: readonly Trust[]): Trust => {
    const parts = [...fixed, ...fetched];
    return {
      keys: parts.flatMap(({ keys }) => keys),
      authorities: parts.flatMap(({ authorities }) => authorities),
      ...(tokenAlgorithms.length > 0 && { algorithms: tokenAlgorithms }),
    };
  };
  if (!isUrl(tokenKeys)) {
    const trust = together([]);
    return { trust: () => trust };
  }
  let trust = together([await fetchKeys(tokenKeys)]);
  let lastLook = 0;
  let running: Promise<boolean> | undefined;
  const look = async (): Promise<boolean> => {
    try {
      trust = together([await fetchKeys(tokenKeys)]);
      return true;
    } catch (error) {
      log.warn("the keys of the token service stay as they were", { error: messageOf(error) });
      return false;
    } finally {
      running = undefined;
    }
  };
  return {
    trust: () => trust,
    async renew() {
      if (running !== undefined) return await running;
      if (Date.now() - lastLook < LOOK_MILLISECONDS) return false;
      lastLook = Date.now();
      running = look();
      return await running;
    },
  };
}
