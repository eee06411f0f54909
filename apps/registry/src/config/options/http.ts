import { bool, duration, list, number, text } from "../kinds.ts";
import { type Headers, headers } from "../structures.ts";
import { option } from "./option.ts";

/** Listening, TLS, limits of requests. */
export const HTTP = {
  address: option("http.addr", "addr", text, ":5000", "Address to listen on"),
  network: option("http.net", "net", text, "tcp", "tcp, or unix: then the address is the path of a socket"),
  host: option("http.host", "host", text, "", "URL that clients use, when a proxy in front changes it"),
  prefix: option(
    "http.prefix",
    "prefix",
    text,
    "",
    "Path in front of all paths, when a proxy in front keeps one",
  ),
  headers: option("http.headers", "header", headers, {} as Headers, "Header of every response (NAME: VALUE)"),
  tlsCertificate: option("http.tls.certificate", "tls-cert", text, "", "Certificate file (PEM)"),
  tlsKey: option("http.tls.key", "tls-key", text, "", "Private key file (PEM)"),
  tlsClientAuthorities: option(
    "http.tls.clientcas",
    "tls-client-ca",
    list,
    [],
    "Certificate files; clients must present a certificate that one of them signed",
  ),
  tlsMinimum: option(
    "http.tls.minimumtls",
    "tls-min",
    text,
    "tls1.2",
    "Oldest version of TLS: tls1.2 or tls1.3",
  ),
  tlsCiphers: option(
    "http.tls.ciphersuites",
    "tls-ciphers",
    list,
    [],
    "Cipher suites of TLS 1.2 (default: safe ones)",
  ),
  metricsAddress: option("http.debug.addr", "metrics-addr", text, "", "Address for /metrics and /healthz"),
  metricsEnabled: option(
    "http.debug.prometheus.enabled",
    "metrics",
    bool,
    true,
    "Serve metrics on that address",
  ),
  metricsPath: option("http.debug.prometheus.path", "metrics-path", text, "/metrics", "Their path"),
  drainTimeout: option(
    "http.draintimeout",
    "drain-timeout",
    duration,
    30_000,
    "How long requests that run may take when the registry is stopped",
  ),
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
