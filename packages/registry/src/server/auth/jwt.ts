import { createHash, createPublicKey, type KeyObject, sign, verify, X509Certificate } from "node:crypto";

/** Signature algorithms (RFC 7518, 3.1; RFC 8037), by the kind of key that makes them. */
const ALGORITHMS: Record<string, { hash: string | null; key: string; padding?: "pss" }> = {
  RS256: { hash: "sha256", key: "rsa" },
  RS384: { hash: "sha384", key: "rsa" },
  RS512: { hash: "sha512", key: "rsa" },
  PS256: { hash: "sha256", key: "rsa", padding: "pss" },
  ES256: { hash: "sha256", key: "ec" },
  ES384: { hash: "sha384", key: "ec" },
  ES512: { hash: "sha512", key: "ec" },
  EdDSA: { hash: null, key: "ed25519" },
};

export const TOKEN_ALGORITHMS: readonly string[] = Object.keys(ALGORITHMS);

export interface TrustedKey {
  key: KeyObject;
  /** Ids by which tokens name it. */
  ids: readonly string[];
}

/** Keys that sign tokens, and authorities whose certificates (`x5c`) may. */
export interface Trust {
  keys: readonly TrustedKey[];
  authorities: readonly X509Certificate[];
  /** Absent: all that are known. */
  algorithms?: readonly string[];
}

export interface Claims {
  iss?: unknown;
  sub?: unknown;
  aud?: unknown;
  exp?: unknown;
  nbf?: unknown;
  iat?: unknown;
  access?: unknown;
  [claim: string]: unknown;
}

/** Seconds by which clocks may differ. */
const LEEWAY = 60;

const decode = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString("utf8"));

/** Docker's own id of a key: the SHA-256 of its DER, 240 bits in base 32, in groups of four. */
export function libtrustId(key: KeyObject): string {
  const hash = createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 30);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const byte of hash) bits += byte.toString(2).padStart(8, "0");
  let text = "";
  for (let at = 0; at < bits.length; at += 5) text += alphabet[Number.parseInt(bits.slice(at, at + 5), 2)];
  return text.match(/.{4}/g)!.join(":");
}

/** Certificates and public keys of a PEM file. @throws Error when there is none. */
export function trustFromPem(pem: string): Trust {
  const keys: TrustedKey[] = [];
  const authorities: X509Certificate[] = [];
  for (const [block, kind] of pem.matchAll(/-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/g)) {
    if (kind === "CERTIFICATE") {
      const certificate = new X509Certificate(block);
      authorities.push(certificate);
      keys.push({ key: certificate.publicKey, ids: [libtrustId(certificate.publicKey)] });
    } else if (kind!.endsWith("PUBLIC KEY")) {
      const key = createPublicKey(block);
      keys.push({ key, ids: [libtrustId(key)] });
    }
  }
  if (keys.length === 0) throw new Error("no certificate and no public key in it");
  return { keys, authorities };
}

/** A JSON Web Key Set (RFC 7517). @throws Error. */
export function trustFromJwks(text: string): Trust {
  const { keys } = JSON.parse(text) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error("not a JSON Web Key Set");
  const found = keys.flatMap((jwk: Record<string, unknown>): TrustedKey[] => {
    if (jwk.use !== undefined && jwk.use !== "sig") return [];
    if (!["RSA", "EC", "OKP"].includes(String(jwk.kty))) return [];
    const key = createPublicKey({ key: jwk as never, format: "jwk" });
    return [{ key, ids: [libtrustId(key), ...(typeof jwk.kid === "string" ? [jwk.kid] : [])] }];
  });
  if (found.length === 0) throw new Error("no key for signatures in the JSON Web Key Set");
  return { keys: found, authorities: [] };
}

/**
 * Checks a token's signature and times (RFC 7519).
 * @param now seconds since 1970. @returns its claims; undefined when it is not valid.
 */
export function verifyToken(token: string, trust: Trust, now = Date.now() / 1000): Claims | undefined {
  try {
    const parts = token.split(".");
    if (parts.length !== 3) return undefined;
    const [head, body, signature] = parts as [string, string, string];
    const header = decode(head) as { alg?: string; kid?: string; x5c?: unknown; jwk?: unknown };
    const algorithm = Object.hasOwn(ALGORITHMS, String(header.alg)) ? ALGORITHMS[header.alg!]! : undefined;
    if (algorithm === undefined || trust.algorithms?.includes(header.alg!) === false) return undefined;
    const data = Buffer.from(`${head}.${body}`);
    const bytes = Buffer.from(signature, "base64url");
    const isSigned = candidates(header, trust).some(
      (key) => key.asymmetricKeyType === algorithm.key && isSignature(algorithm, data, key, bytes),
    );
    if (!isSigned) return undefined;
    const claims = decode(body) as Claims;
    const { exp, nbf } = claims;
    if (typeof exp !== "number" || exp + LEEWAY < now) return undefined;
    if (nbf !== undefined && (typeof nbf !== "number" || nbf - LEEWAY > now)) return undefined;
    return claims;
  } catch {
    return undefined;
  }
}

function isSignature(
  { hash, key: kind, padding }: (typeof ALGORITHMS)[string],
  data: Buffer,
  key: KeyObject,
  signature: Buffer,
): boolean {
  if (kind === "ec") return verify(hash, data, { key, dsaEncoding: "ieee-p1363" }, signature);
  // RSA_PKCS1_PSS_PADDING with a salt as long as the hash.
  if (padding === "pss") return verify(hash, data, { key, padding: 6, saltLength: 32 }, signature);
  return verify(hash, data, key, signature);
}

function candidates(header: { kid?: string; x5c?: unknown }, trust: Trust): KeyObject[] {
  if (Array.isArray(header.x5c) && header.x5c.length > 0) {
    const leaf = chainedKey(header.x5c, trust.authorities);
    return leaf === undefined ? [] : [leaf];
  }
  if (header.kid === undefined) return trust.keys.map(({ key }) => key);
  return trust.keys.filter(({ ids }) => ids.includes(header.kid!)).map(({ key }) => key);
}

/** The key of the first certificate, when it is an authority or one of them signed it (perhaps through the others). */
function chainedKey(x5c: unknown[], authorities: readonly X509Certificate[]): KeyObject | undefined {
  const chain = x5c.slice(0, 8).map((each) => new X509Certificate(Buffer.from(String(each), "base64")));
  const now = Date.now();
  for (const [index, certificate] of chain.entries()) {
    if (Date.parse(certificate.validFrom) > now || Date.parse(certificate.validTo) < now) return undefined;
    const isTrusted = authorities.some(
      (authority) =>
        authority.fingerprint256 === certificate.fingerprint256 ||
        (certificate.checkIssued(authority) && certificate.verify(authority.publicKey)),
    );
    if (isTrusted) return chain[0]!.publicKey;
    const next = chain[index + 1];
    if (
      next === undefined ||
      !next.ca ||
      !certificate.checkIssued(next) ||
      !certificate.verify(next.publicKey)
    )
      return undefined;
  }
  return undefined;
}

/** Makes a token with an EC P-256 key (ES256). */
export function signToken(claims: Claims, key: KeyObject, kid: string): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const data = `${encode({ typ: "JWT", alg: "ES256", kid })}.${encode(claims)}`;
  const signature = sign("sha256", Buffer.from(data), { key, dsaEncoding: "ieee-p1363" });
  return `${data}.${signature.toString("base64url")}`;
}
