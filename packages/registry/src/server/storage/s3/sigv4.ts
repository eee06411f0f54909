/** AWS Signature Version 4 in the `Authorization` header. */
export interface Credentials {
  accessKey: string;
  secretKey: string;
  /** Of temporary keys. */
  sessionToken?: string;
}

export const UNSIGNED = "UNSIGNED-PAYLOAD";

const hmac = (key: string | Uint8Array, text: string): Uint8Array =>
  new Bun.CryptoHasher("sha256", key).update(text).digest();
export const sha256Hex = (data: string | Uint8Array): string =>
  new Bun.CryptoHasher("sha256").update(data).digest("hex");

/** RFC 3986, as S3 wants paths and queries. */
export function encode(text: string, keepSlash = false): string {
  const encoded = encodeURIComponent(text).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return keepSlash ? encoded.replaceAll("%2F", "/") : encoded;
}

export interface SignedRequest {
  method: string;
  host: string;
  /** Encoded. */
  path: string;
  query: readonly (readonly [string, string])[];
  /** Lower-case names; `host` and `x-amz-*` are added. */
  headers: Record<string, string>;
  /** Hex digest of the payload, or `UNSIGNED`. */
  payload: string;
}

/** @returns all headers of the request. */
export function sign(
  { method, host, path, query, headers, payload }: SignedRequest,
  { accessKey, secretKey, sessionToken }: Credentials,
  region: string,
  now: Date,
): Record<string, string> {
  const stamp = stampOf(now);
  const all: Record<string, string> = {
    ...headers,
    ...(sessionToken && { "x-amz-security-token": sessionToken }),
    host,
    "x-amz-content-sha256": payload,
    "x-amz-date": stamp,
  };
  const names = Object.keys(all).sort();
  const canonical = [
    method,
    path,
    canonicalQuery(query),
    ...names.map((name) => `${name}:${all[name]!.trim()}`),
    "",
    names.join(";"),
    payload,
  ].join("\n");
  const scope = scopeOf(stamp, region);
  const signature = signatureOf(canonical, stamp, region, secretKey);
  const { host: _host, ...sent } = all;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
  };
}

/** The query of a URL by which anybody can GET an object for so many seconds. */
export function presign(
  host: string,
  path: string,
  { accessKey, secretKey, sessionToken }: Credentials,
  region: string,
  now: Date,
  seconds: number,
): string {
  const stamp = stampOf(now);
  const query = canonicalQuery([
    ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
    ["X-Amz-Credential", `${accessKey}/${scopeOf(stamp, region)}`],
    ["X-Amz-Date", stamp],
    ["X-Amz-Expires", String(seconds)],
    ...(sessionToken ? [["X-Amz-Security-Token", sessionToken] as const] : []),
    ["X-Amz-SignedHeaders", "host"],
  ]);
  const canonical = ["GET", path, query, `host:${host}`, "", "host", UNSIGNED].join("\n");
  return `${query}&X-Amz-Signature=${signatureOf(canonical, stamp, region, secretKey)}`;
}

const stampOf = (now: Date): string => now.toISOString().replace(/[-:]|\.\d{3}/g, "");

const scopeOf = (stamp: string, region: string): string => `${stamp.slice(0, 8)}/${region}/s3/aws4_request`;

function signatureOf(canonical: string, stamp: string, region: string, secretKey: string): string {
  const toSign = ["AWS4-HMAC-SHA256", stamp, scopeOf(stamp, region), sha256Hex(canonical)].join("\n");
  const key = hmac(hmac(hmac(hmac(`AWS4${secretKey}`, stamp.slice(0, 8)), region), "s3"), "aws4_request");
  return Buffer.from(hmac(key, toSign)).toString("hex");
}

export function canonicalQuery(query: readonly (readonly [string, string])[]): string {
  return query
    .map(([key, value]) => [encode(key), encode(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, value]) => `${key}=${value}`)
    .join("&");
}
