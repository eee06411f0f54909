import { X509Certificate } from "node:crypto";
import { CommandError } from "../errors.ts";
import { fileError } from "../io/files.ts";

/** The files of a context's TLS, by name: `ca.pem`, `cert.pem`, `key.pem`. */
export type TlsFiles = ReadonlyMap<string, Uint8Array>;

const MOST_BYTES = 1 << 20;

/** Reads what `ca=`, `cert=` and `key=` name. @throws CommandError when one cannot be read or is no certificate. */
export async function readTlsFiles(paths: ReadonlyMap<string, string>): Promise<TlsFiles> {
  const files = new Map<string, Uint8Array>();
  for (const name of ["ca", "cert", "key"]) {
    const path = paths.get(name);
    if (!path) continue;
    let bytes: Uint8Array;
    try {
      const file = Bun.file(path);
      if (file.size > MOST_BYTES) throw new CommandError(`${path}: too large for a PEM file`);
      bytes = await file.bytes();
    } catch (error) {
      throw error instanceof CommandError ? error : fileError("open", path, error);
    }
    if (name !== "key") checkCertificate(`${name}.pem`, bytes);
    files.set(`${name}.pem`, bytes);
  }
  return files;
}

function checkCertificate(name: string, bytes: Uint8Array): void {
  try {
    new X509Certificate(bytes);
  } catch {
    throw new CommandError(
      `invalid docker endpoint options: failed to retrieve context tls info: ${name} seems invalid`,
    );
  }
}
