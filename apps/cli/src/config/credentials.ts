import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import type { AuthEntry, ConfigFile } from "./config-file.ts";
import { CredentialHelper } from "./credential-helper.ts";
import { changeConfig } from "./write-config.ts";

/** The API's AuthConfig: what a daemon needs to know to log in to a registry. */
export interface Credentials {
  username?: string;
  password?: string;
  serveraddress: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** Under which Docker Hub's credentials are kept. */
export const HUB_KEY = "https://index.docker.io/v1/";
const TOKEN_USER = "<token>";

/** `https://host/v2/` → `host`. */
export function registryHost(address: string): string {
  return address.replace(/^https?:\/\//, "").split("/", 1)[0]!;
}

/** Credentials that are kept under `key` (`HUB_KEY`, or a registry's host); undefined when there are none. @throws CommandError */
export async function readCredentials(context: Context, key: string): Promise<Credentials | undefined> {
  const { file } = await context.configuration();
  const helper = helperOf(context, file, key);
  if (helper !== undefined) return fromHelper(helper, key);
  const auths = file.auths ?? {};
  const name = Object.hasOwn(auths, key)
    ? key
    : Object.keys(auths).find((each) => registryHost(each) === key);
  return name === undefined ? undefined : fromEntry(name, auths[name]!);
}

/**
 * All credentials by their key, for builds, which may pull from any registry. Those that cannot be had are left out and
 * told to `complain`.
 */
export async function allCredentials(
  context: Context,
  complain: (message: string) => Promise<void>,
): Promise<Record<string, Credentials>> {
  const { file } = await context.configuration();
  const all: Record<string, Credentials> = {};
  const take = async (
    key: string,
    read: () => Credentials | undefined | Promise<Credentials | undefined>,
  ) => {
    try {
      const found = await read();
      if (found !== undefined) all[key] = found;
    } catch (error) {
      await complain((error as Error).message);
    }
  };
  if (file.credsStore) {
    const helper = new CredentialHelper(file.credsStore, context.environment);
    const keys = await helper.list().catch(async (error: Error) => {
      await complain(error.message);
      return [];
    });
    for (const key of keys) await take(key, () => fromHelper(helper, key));
  } else {
    for (const [key, entry] of Object.entries(file.auths ?? {})) await take(key, () => fromEntry(key, entry));
  }
  for (const [key, name] of Object.entries(file.credHelpers ?? {})) {
    await take(key, () => fromHelper(new CredentialHelper(name, context.environment), key));
  }
  return all;
}

/**
 * Keeps credentials for a registry with its helper, or in config.json.
 * @returns true when a password was put readable into config.json that was not in it before. @throws CommandError
 */
export async function storeCredentials(
  context: Context,
  key: string,
  credentials: Credentials,
): Promise<boolean> {
  const { folder, file } = await context.configuration();
  const helper = helperOf(context, file, key);
  const { username = "", password = "", identitytoken, registrytoken } = credentials;
  if (helper !== undefined) {
    await helper.store(
      key,
      identitytoken
        ? { Username: TOKEN_USER, Secret: identitytoken }
        : { Username: username, Secret: password },
    );
    await changeConfig(folder, (config) => {
      // The key alone tells other programs that there are credentials.
      config.auths = { ...config.auths, [key]: {} };
    });
    return false;
  }
  const entry: AuthEntry = {
    auth: Buffer.from(`${username}:${identitytoken ? "" : password}`).toString("base64"),
    ...(identitytoken && { identitytoken }),
    ...(registrytoken && { registrytoken }),
  };
  let isNew = false;
  await changeConfig(folder, (config) => {
    isNew = JSON.stringify(config.auths?.[key]) !== JSON.stringify(entry);
    config.auths = { ...config.auths, [key]: entry };
  });
  return isNew && !identitytoken;
}

/** Forgets what is kept under these keys. @returns what could not be erased, and why. */
export async function eraseCredentials(
  context: Context,
  keys: readonly string[],
): Promise<Map<string, string>> {
  const { folder, file } = await context.configuration();
  const failures = new Map<string, string>();
  for (const key of keys) {
    try {
      await helperOf(context, file, key)?.erase(key);
      await changeConfig(folder, (config) => {
        if (config.auths !== undefined) delete config.auths[key];
      });
    } catch (error) {
      failures.set(key, (error as Error).message);
    }
  }
  return failures;
}

function helperOf(context: Context, file: ConfigFile, key: string): CredentialHelper | undefined {
  const own = file.credHelpers;
  const name = own !== undefined && Object.hasOwn(own, key) ? own[key] : file.credsStore;
  return name ? new CredentialHelper(name, context.environment) : undefined;
}

async function fromHelper(helper: CredentialHelper, key: string): Promise<Credentials | undefined> {
  const found = await helper.get(key);
  if (found === undefined) return undefined;
  return found.Username === TOKEN_USER
    ? { serveraddress: key, identitytoken: found.Secret }
    : { username: found.Username, password: found.Secret, serveraddress: key };
}

function fromEntry(key: string, entry: AuthEntry): Credentials | undefined {
  let { username, password } = entry;
  if (entry.auth) {
    const text = decodeBase64(entry.auth);
    const at = text?.indexOf(":") ?? -1;
    if (text === undefined || at < 0) {
      throw new CommandError(`the credentials of ${key} in config.json are no base64 of user:password`);
    }
    username = text.slice(0, at);
    password = text.slice(at + 1).replace(/^\0+|\0+$/g, "");
  }
  const { identitytoken, registrytoken } = entry;
  if (!username && !password && !identitytoken && !registrytoken) return undefined;
  return {
    ...(username && { username }),
    ...(password && { password }),
    serveraddress: key,
    ...(identitytoken && { identitytoken }),
    ...(registrytoken && { registrytoken }),
  };
}

function decodeBase64(text: string): string | undefined {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0
    ? Buffer.from(text, "base64").toString("utf8")
    : undefined;
}
