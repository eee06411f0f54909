import type { Access, Authenticator, Authorization } from "./access.ts";
import { bearerChallenge, bearerToken } from "./challenge.ts";
import { type Claims, type Trust, verifyToken } from "./jwt.ts";

export interface TokenService {
  /** URL that clients ask for tokens; by request when it depends on how the registry was called. */
  realm(request: Request): string;
  service: string;
  issuer: string;
  trust(): Trust;
  /** Asks for the keys again, because a token has none of them; absent where they do not change. @returns whether they did. */
  renew?(): Promise<boolean>;
  /** What a user with a token for the list of all repositories sees in it. */
  sees(user: string, repository: string): boolean;
}

const MOST_CACHED = 10_000;

interface Known {
  until: number;
  authorization: Authorization;
}

/** Bearer tokens of a token service, with the rights in their `access` claim (Docker's token authentication). */
export class BearerAuthenticator implements Authenticator {
  readonly #service: TokenService;
  readonly #known = new Map<string, Known>();

  constructor(service: TokenService) {
    this.#service = service;
  }

  authorize(request: Request, needed: Access | undefined): Authorization | Promise<Authorization> {
    const challenge = (error?: "invalid_token" | "insufficient_scope") =>
      bearerChallenge({ realm: this.#service.realm(request), service: this.#service.service }, needed, error);
    const token = bearerToken(request.headers.get("authorization"));
    if (token === undefined) throw challenge();
    const known = this.#known.get(token);
    const found = known !== undefined && known.until > Date.now() ? known : this.#verify(token);
    const decide = (verified: Known | undefined): Authorization => {
      if (verified === undefined) throw challenge("invalid_token");
      if (needed !== undefined && !verified.authorization.allows(needed))
        throw challenge("insufficient_scope");
      return verified.authorization;
    };
    if (found !== undefined || this.#service.renew === undefined) return decide(found);
    return this.#service.renew().then((isNew) => decide(isNew ? this.#verify(token) : undefined));
  }

  #verify(token: string): Known | undefined {
    const claims = verifyToken(token, this.#service.trust());
    if (claims === undefined || claims.iss !== this.#service.issuer) return undefined;
    const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
    if (!audience.includes(this.#service.service)) return undefined;
    const grants = grantsOf(claims);
    const name = typeof claims.sub === "string" ? claims.sub : "";
    const found: Known = {
      until: Number(claims.exp) * 1000,
      authorization: {
        principal: { name },
        allows: (access) => isGranted(grants, access),
        sees: (repository) => this.#service.sees(name, repository),
      },
    };
    if (this.#known.size >= MOST_CACHED) this.#known.clear();
    this.#known.set(token, found);
    return found;
  }
}

/** Actions by `type:name`. */
function grantsOf({ access }: Claims): Map<string, Set<string>> {
  const grants = new Map<string, Set<string>>();
  if (!Array.isArray(access)) return grants;
  for (const each of access as { type?: unknown; name?: unknown; actions?: unknown }[]) {
    if (typeof each?.type !== "string" || typeof each.name !== "string" || !Array.isArray(each.actions))
      continue;
    const key = `${each.type}:${each.name}`;
    grants.set(key, new Set([...(grants.get(key) ?? []), ...each.actions.map(String)]));
  }
  return grants;
}

function isGranted(grants: ReadonlyMap<string, ReadonlySet<string>>, access: Access): boolean {
  const actions = grants.get(`${access.type}:${access.name}`);
  return actions !== undefined && (actions.has(access.action) || actions.has("*"));
}
