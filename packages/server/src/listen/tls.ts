import { readFileSync } from "node:fs";
import type { ServerOptions } from "node:https";
import { messageOf, systemError } from "@berth/base";

export interface TlsConfig {
  caFile: string;
  certFile: string;
  keyFile: string;
  /** Only clients with a certificate of the CA are let in. */
  verify: boolean;
}

/** @throws system when a file cannot be read, with dockerd's sentence. */
export function tlsServerOptions(config: TlsConfig): ServerOptions {
  const pair = `Could not load X509 key pair (cert: "${config.certFile}", key: "${config.keyFile}")`;
  const options: ServerOptions = {
    cert: read(pair, config.certFile),
    key: read(pair, config.keyFile),
    minVersion: "TLSv1.2",
  };
  if (!config.verify) return options;
  return {
    ...options,
    ca: read(`could not read CA certificate "${config.caFile}"`, config.caFile),
    requestCert: true,
    rejectUnauthorized: true,
  };
}

function read(purpose: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const reason = missing ? `open ${file}: no such file or directory` : messageOf(error);
    throw systemError(`${purpose}: ${reason}`, { cause: error });
  }
}
