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
  const options: ServerOptions = {
    cert: read("could not load X509 key pair", config.certFile),
    key: read("could not load X509 key pair", config.keyFile),
    minVersion: "TLSv1.2",
  };
  if (!config.verify) return options;
  return {
    ...options,
    ca: read("could not read CA certificate", config.caFile),
    requestCert: true,
    rejectUnauthorized: true,
  };
}

function read(purpose: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw systemError(`${purpose} (${file}): ${messageOf(error)}`, { cause: error });
  }
}
