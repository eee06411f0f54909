import { bool, list, text } from "../kinds.ts";
import { option } from "./option.ts";

/** Who may do what. */
export const AUTH = {
  htpasswd: option(
    "auth.htpasswd.path",
    "htpasswd",
    text,
    "",
    "File of users and bcrypt hashes, as htpasswd -B makes it",
  ),
  htpasswdRealm: option("auth.htpasswd.realm", "realm", text, "Registry", "Realm of the challenge"),
  rights: option("auth.rights", "rights", text, "", "File that says who may do what in which repositories"),
  issueTokens: option(
    "auth.tokens",
    "tokens",
    bool,
    false,
    "Give users of the htpasswd file bearer tokens, at /token",
  ),
  tokenRealm: option(
    "auth.token.realm",
    "token-realm",
    text,
    "",
    "URL of the token service that clients are sent to",
  ),
  tokenService: option("auth.token.service", "token-service", text, "", "Name of this registry in tokens"),
  tokenIssuer: option("auth.token.issuer", "token-issuer", text, "", "Name of the token service in tokens"),
  tokenCertificates: option(
    "auth.token.rootcertbundle",
    "token-certs",
    text,
    "",
    "File of certificates or public keys (PEM) that tokens are signed with",
  ),
  tokenKeys: option(
    "auth.token.jwks",
    "token-jwks",
    text,
    "",
    "File or URL of a JSON Web Key Set that tokens are signed with",
  ),
  tokenRedirect: option(
    "auth.token.autoredirect",
    "token-autoredirect",
    bool,
    false,
    "The token service is at /auth/token/ of the host that was asked",
  ),
  tokenRedirectPath: option(
    "auth.token.autoredirectpath",
    "token-autoredirect-path",
    text,
    "/auth/token/",
    "Another path for that",
  ),
  tokenAlgorithms: option(
    "auth.token.signingalgorithms",
    "token-algorithms",
    list,
    [] as string[],
    "Signature algorithms of tokens (default: all that are safe)",
  ),
} as const;
