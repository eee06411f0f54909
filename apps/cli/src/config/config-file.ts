/** What config.json keeps of one registry. `auth` is base64 of `user:password`. */
export interface AuthEntry {
  auth?: string;
  username?: string;
  password?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** Those fields of `~/.docker/config.json` that we honour. Unknown ones are kept when the file is rewritten. */
export interface ConfigFile {
  HttpHeaders?: Record<string, string>;
  currentContext?: string;
  detachKeys?: string;
  psFormat?: string;
  imagesFormat?: string;
  networksFormat?: string;
  volumesFormat?: string;
  statsFormat?: string;
  pruneFilters?: string[];
  auths?: Record<string, AuthEntry>;
  /** By the daemon's address, or `default`: variables that `run` and `create` give to containers. */
  proxies?: Record<
    string,
    { httpProxy?: string; httpsProxy?: string; ftpProxy?: string; noProxy?: string; allProxy?: string }
  >;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

export interface Configuration {
  folder: string;
  file: ConfigFile;
}

/** Where config.json lies: `--config`, DOCKER_CONFIG, or `.docker` in the home folder. */
export function configFolder(
  option: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  return option || environment.DOCKER_CONFIG || `${environment.HOME || "/root"}/.docker`;
}

/** `Bun.file` would start threads for it, and `node:fs` take 1.5 ms to load: a mapping is made at once. */
async function readText(path: string): Promise<string> {
  let mapped: Uint8Array;
  try {
    mapped = Bun.mmap(path);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOENT" || code === "ENOTDIR") throw error;
    // An empty file, a pipe, or what cannot be read: it says why.
    return await Bun.file(path).text();
  }
  return new TextDecoder().decode(mapped);
}

/** @throws nothing for a missing file; `complain` is told about one that cannot be used. */
export async function readConfigFile(
  folder: string,
  complain: (message: string) => Promise<void>,
): Promise<ConfigFile> {
  const path = `${folder}/config.json`;
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT" && (error as { code?: string }).code !== "ENOTDIR") {
      await complain(`WARNING: Error loading config file: open ${path}: ${(error as Error).message}\n`);
    }
    return {};
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as ConfigFile;
    throw new Error("it is no object");
  } catch (error) {
    await complain(`WARNING: Error parsing config file (${path}): ${(error as Error).message}\n`);
    return {};
  }
}
