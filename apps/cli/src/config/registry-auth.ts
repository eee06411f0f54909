import { DEFAULT_DOMAIN } from "@berth/spec";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";

/** Under which Docker Hub's credentials are kept. */
export const HUB_KEY = "https://index.docker.io/v1/";

export interface Credentials {
  username?: string;
  password?: string;
  identitytoken?: string;
  serveraddress: string;
}

/** The name of a registry in config.json: its host; Docker Hub has a longer one. */
export function registryKey(registry: string): string {
  const host = registry.replace(/^https?:\/\//, "").split("/")[0]!;
  return host === "" || host === DEFAULT_DOMAIN || host === "index.docker.io" ? HUB_KEY : host;
}

/** Credentials for a registry from config.json or its credential helper; undefined when there are none. */
export async function findCredentials(context: Context, registry: string): Promise<Credentials | undefined> {
  const key = registryKey(registry);
  const { file } = await context.configuration();
  const helper = file.credHelpers?.[key] ?? file.credsStore;
  if (helper) return askHelper(helper, key);
  const found = Object.entries(file.auths ?? {}).find(
    ([name]) => name === key || registryKey(name) === key,
  )?.[1];
  if (found === undefined) return undefined;
  let { username, password } = found;
  if (found.auth) {
    const text = Buffer.from(found.auth, "base64").toString("utf8");
    const at = text.indexOf(":");
    if (at < 0) throw new CommandError(`invalid auth configuration file: the entry of ${key}`);
    [username, password] = [text.slice(0, at), text.slice(at + 1)];
  }
  return {
    ...(username && { username }),
    ...(password && { password }),
    ...(found.identitytoken && { identitytoken: found.identitytoken }),
    serveraddress: key,
  };
}

/** The `X-Registry-Auth` header for a registry: the empty object when nothing is known, as the API wants for a push. */
export async function registryAuth(context: Context, registry: string): Promise<string> {
  const credentials = (await findCredentials(context, registry)) ?? {};
  return Buffer.from(JSON.stringify(credentials)).toString("base64url");
}

/** Asks `docker-credential-HELPER get` as Docker does: the key on stdin, JSON on stdout. */
async function askHelper(helper: string, key: string): Promise<Credentials | undefined> {
  if (!/^[\w.-]{1,64}$/.test(helper)) throw new CommandError(`bad name of a credential helper: ${helper}`);
  const program = `docker-credential-${helper}`;
  let text: string;
  let status: number;
  try {
    const child = Bun.spawn([program, "get"], { stdin: Buffer.from(key), stdout: "pipe", stderr: "ignore" });
    text = (await new Response(child.stdout).text()).trim();
    status = await child.exited;
  } catch (error) {
    throw new CommandError(`error getting credentials - err: ${(error as Error).message}`);
  }
  if (status !== 0) {
    if (text.includes("credentials not found")) return undefined;
    throw new CommandError(
      `error getting credentials - ${program} exited with ${status}: ${text.slice(0, 500)}`,
    );
  }
  try {
    const { Username: username, Secret: secret } = JSON.parse(text) as { Username: string; Secret: string };
    return username === "<token>"
      ? { identitytoken: secret, serveraddress: key }
      : { username, password: secret, serveraddress: key };
  } catch {
    throw new CommandError(`error getting credentials - ${program} did not answer JSON`);
  }
}
