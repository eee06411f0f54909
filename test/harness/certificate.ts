/** Certificates for tests of TLS. */
import { runOk } from "./command.ts";

const REQUEST = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Makes `<name>.key` and `<name>.crt` in a folder: a key, and a certificate by which it vouches for itself for two days. */
export async function selfSigned(folder: string, name: string, address?: string): Promise<void> {
  const alternative = address === undefined ? [] : ["-addext", `subjectAltName=IP:${address}`];
  const files = ["-keyout", `${name}.key`, "-out", `${name}.crt`];
  await runOk([...REQUEST, "-days", "2", "-subj", "/CN=registry", ...alternative, ...files], { cwd: folder });
}
