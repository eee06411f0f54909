import { DEFAULT_DOMAIN } from "@berth/spec/reference";
import type { Context } from "../context.ts";
import { allCredentials, type Credentials, HUB_KEY, readCredentials } from "./credentials.ts";

/** The key in config.json of the registry that a reference's domain names. */
export function registryKey(domain: string): string {
  return domain === DEFAULT_DOMAIN || domain === "index.docker.io" ? HUB_KEY : domain;
}

/**
 * Credentials for the registry of a reference. What is wrong with a helper or an entry is told on stderr and is no reason
 * to fail: most images can be had without.
 */
export async function findCredentials(context: Context, domain: string): Promise<Credentials | undefined> {
  try {
    return await readCredentials(context, registryKey(domain));
  } catch (error) {
    await complain(context)((error as Error).message);
    return undefined;
  }
}

/** The `X-Registry-Auth` header for a registry: of the empty object when nothing is known, as the API wants for a push. */
export async function registryAuth(context: Context, domain: string): Promise<string> {
  return header((await findCredentials(context, domain)) ?? {});
}

/** The `X-Registry-Config` header: the credentials of all registries, for a build. */
export async function registryConfig(context: Context): Promise<string> {
  return header(await allCredentials(context, complain(context)));
}

/** A `config.json` with the credentials of all registries in it, whoever keeps them here. */
export async function credentialsFile(context: Context): Promise<string> {
  const auths: Record<string, object> = {};
  for (const [key, found] of Object.entries(await allCredentials(context, complain(context)))) {
    const { username = "", password = "", identitytoken, registrytoken } = found;
    auths[key] = {
      ...((username || password) && { auth: Buffer.from(`${username}:${password}`).toString("base64") }),
      ...(identitytoken && { identitytoken }),
      ...(registrytoken && { registrytoken }),
    };
  }
  return `${JSON.stringify({ auths }, undefined, "\t")}\n`;
}

function complain(context: Context): (message: string) => Promise<void> {
  return (message) => context.stderr.write(`WARNING: ${message}\n`);
}

/** base64 for URLs, with its filling, as Go's `URLEncoding` has it: some daemons take no other. */
function header(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
