/** AWS Signature Version 4 in the `Authorization` header. */
export interface Credentials {
  accessKey: string;
  secretKey: string;
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
  { accessKey, secretKey }: Credentials,
  region: string,
  now: Date,
): Record<string, string> {
  const stamp = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = stamp.slice(0, 8);
  const all: Record<string, string> = {
    ...headers,
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
  const scope = `${day}/${region}/s3/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", stamp, scope, sha256Hex(canonical)].join("\n");
  const key = hmac(hmac(hmac(hmac(`AWS4${secretKey}`, day), region), "s3"), "aws4_request");
  const signature = Buffer.from(hmac(key, toSign)).toString("hex");
  const { host: _host, ...sent } = all;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
  };
}

export function canonicalQuery(query: readonly (readonly [string, string])[]): string {
  return query
    .map(([key, value]) => [encode(key), encode(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, value]) => `${key}=${value}`)
    .join("&");
}
