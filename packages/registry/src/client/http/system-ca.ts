import { existsSync, readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";

const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

let system: readonly string[] | undefined;

/** PEM of the authorities that this machine trusts; those that come with the program where it has no list. */
export function systemAuthorities(): readonly string[] {
  const path = process.env.SSL_CERT_FILE ?? BUNDLES.find((each) => existsSync(each));
  try {
    system ??= path === undefined ? rootCertificates : [readFileSync(path, "utf8")];
  } catch {
    system = rootCertificates;
  }
  return system;
}
