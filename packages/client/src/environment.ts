import type { ClientOptions } from "./client.ts";
import type { TlsOptions } from "./transport/socket-target.ts";

export const DEFAULT_HOST = "unix:///run/berth/berth.sock";

/** Options from DOCKER_HOST (or BERTH_HOST), DOCKER_TLS_VERIFY, DOCKER_CERT_PATH and DOCKER_API_VERSION, as Docker's client. */
export async function clientOptionsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ClientOptions> {
  const host = environment.DOCKER_HOST || environment.BERTH_HOST || DEFAULT_HOST;
  const folder = environment.DOCKER_CERT_PATH;
  const verify = (environment.DOCKER_TLS_VERIFY ?? "") !== "";
  const tls = folder ? await readTlsFolder(folder, verify) : undefined;
  return {
    host,
    ...(environment.DOCKER_API_VERSION && { apiVersion: environment.DOCKER_API_VERSION }),
    ...(tls !== undefined && { tls }),
  };
}

/** `ca.pem`, `cert.pem` and `key.pem` of a folder. @throws the file system's error when one cannot be read. */
export async function readTlsFolder(folder: string, verify: boolean): Promise<TlsOptions> {
  const { readFile } = await import("node:fs/promises");
  const [ca, cert, key] = await Promise.all(
    ["ca.pem", "cert.pem", "key.pem"].map((name) => readFile(`${folder}/${name}`, "utf8")),
  );
  return { ca: ca!, cert: cert!, key: key!, verify };
}
