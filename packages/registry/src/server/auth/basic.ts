import { RegistryError } from "../errors.ts";
import type { Access, Authenticator, Authorization } from "./access.ts";
import { basicChallenge, basicCredentials } from "./challenge.ts";
import type { Users } from "./htpasswd.ts";
import type { Rights } from "./rights.ts";

/** User name and password in each request, against a file of users. */
export class BasicAuthenticator implements Authenticator {
  readonly #users: Users;
  readonly #rights: Rights;
  readonly #realm: string;

  constructor(users: Users, rights: Rights, realm: string) {
    this.#users = users;
    this.#rights = rights;
    this.#realm = realm;
  }

  async authorize(request: Request, needed: Access | undefined): Promise<Authorization> {
    const header = request.headers.get("authorization");
    const credentials = basicCredentials(header);
    let user = "";
    if (credentials !== undefined) {
      if (!(await this.#users.verify(credentials.user, credentials.password)))
        throw basicChallenge(this.#realm);
      user = credentials.user;
    } else if (header !== null) throw basicChallenge(this.#realm);
    const allows = (access: Access) => this.#rights.allows(user, access);
    // `docker login` asks for /v2/ to see whether a password is right, so nobody gets it without one.
    if (needed === undefined ? user === "" : !allows(needed)) {
      if (user === "") throw basicChallenge(this.#realm);
      throw new RegistryError("DENIED", { detail: needed });
    }
    return {
      principal: { name: user },
      allows,
      sees: (name) => allows({ type: "repository", name, action: "pull" }),
    };
  }
}
