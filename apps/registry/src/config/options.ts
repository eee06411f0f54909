/**
 * Every setting once: its place in the configuration file (that of Docker's registry where that has it), from which the
 * environment variable follows (`http.addr` → `REGISTRY_HTTP_ADDR`), and its flag.
 */
import { bool, duration, type Kind, list, number, size, text } from "./kinds.ts";

export interface Option<T> {
  /** In the file, by dots. */
  path: string;
  flag: string;
  kind: Kind<T>;
  fallback: T;
  help: string;
  /** A value that the log and errors must not show. */
  secret?: boolean;
}

const option = <T>(
  path: string,
  flag: string,
  kind: Kind<T>,
  fallback: T,
  help: string,
  secret = false,
): Option<T> => ({ path, flag, kind, fallback, help, secret });

export const OPTIONS = {
  address: option("http.addr", "addr", text, ":5000", "Address to listen on"),
  host: option("http.host", "host", text, "", "URL that clients use, when a proxy in front changes it"),
  tlsCertificate: option("http.tls.certificate", "tls-cert", text, "", "Certificate file (PEM)"),
  tlsKey: option("http.tls.key", "tls-key", text, "", "Private key file (PEM)"),
  tlsClientAuthorities: option(
    "http.tls.clientcas",
    "tls-client-ca",
    list,
    [],
    "Certificate files; clients must present a certificate that one of them signed",
  ),
  metricsAddress: option("http.debug.addr", "metrics-addr", text, "", "Address for /metrics and /healthz"),
  drainTimeout: option(
    "http.draintimeout",
    "drain-timeout",
    duration,
    30_000,
    "How long requests that run may take when the registry is stopped",
  ),
  root: option(
    "storage.filesystem.rootdirectory",
    "storage",
    text,
    "/var/lib/registry",
    "Folder for everything",
  ),
  s3Bucket: option(
    "storage.s3.bucket",
    "s3-bucket",
    text,
    "",
    "Keep everything in this bucket instead of a folder",
  ),
  s3Endpoint: option("storage.s3.regionendpoint", "s3-endpoint", text, "", "URL of the S3-compatible store"),
  s3Region: option("storage.s3.region", "s3-region", text, "us-east-1", "Region of the bucket"),
  s3AccessKey: option("storage.s3.accesskey", "s3-access-key", text, "", "Access key", true),
  s3SecretKey: option("storage.s3.secretkey", "s3-secret-key", text, "", "Secret key", true),
  s3Prefix: option("storage.s3.rootdirectory", "s3-prefix", text, "", "Folder in the bucket"),
  deleteEnabled: option(
    "storage.delete.enabled",
    "delete",
    bool,
    true,
    "Allow tags, manifests and blobs to be deleted",
  ),
  readOnly: option("storage.maintenance.readonly.enabled", "read-only", bool, false, "Refuse every change"),
  uploadAge: option(
    "storage.maintenance.uploadpurging.age",
    "upload-age",
    duration,
    168 * 3_600_000,
    "Uploads that stood still for so long are removed",
  ),
  collectInterval: option(
    "storage.gc.interval",
    "gc-interval",
    duration,
    24 * 3_600_000,
    "Time between garbage collections (0: none)",
  ),
  collectGrace: option(
    "storage.gc.grace",
    "gc-grace",
    duration,
    3_600_000,
    "Age below which nothing is collected",
  ),
  collectUntagged: option(
    "storage.gc.untagged",
    "gc-untagged",
    bool,
    false,
    "Collect manifests without a tag too",
  ),
  maxBlob: option("storage.limits.blob", "max-blob-size", size, 0, "Largest blob (0: no limit)"),
  maxManifest: option("storage.limits.manifest", "max-manifest-size", size, 4 << 20, "Largest manifest"),
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
  proxyUrl: option(
    "proxy.remoteurl",
    "proxy",
    text,
    "",
    "Be a pull-through cache of the registry at this URL",
  ),
  proxyUser: option("proxy.username", "proxy-username", text, "", "User name there"),
  proxyPassword: option("proxy.password", "proxy-password", text, "", "Password there", true),
  proxyTtl: option(
    "proxy.ttl",
    "proxy-ttl",
    duration,
    60_000,
    "How long a tag is believed before it is asked for again",
  ),
  accessLog: option("log.accesslog.format", "access-log", text, "combined", "combined, json or none"),
  accessLogOff: option("log.accesslog.disabled", "no-access-log", bool, false, "No access log"),
  logLevel: option("log.level", "log-level", text, "info", "debug, info, warn or error"),
  ratePerSecond: option(
    "http.rate.persecond",
    "rate",
    number,
    0,
    "Requests a second of one client (0: no limit)",
  ),
  rateBurst: option(
    "http.rate.burst",
    "rate-burst",
    number,
    0,
    "Requests of one client at once (0: ten seconds' worth)",
  ),
} as const;

export type Config = {
  -readonly [Key in keyof typeof OPTIONS]: (typeof OPTIONS)[Key] extends Option<infer T> ? T : never;
};

export const OPTION_LIST = Object.entries(OPTIONS) as [keyof Config, Option<unknown>][];

export function environmentName(path: string): string {
  return `REGISTRY_${path.replaceAll(".", "_").toUpperCase()}`;
}
