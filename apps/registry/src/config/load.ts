import { readFileSync } from "node:fs";
import { log, messageOf } from "@berth/base";
import { type Config, environmentName, OPTION_LIST } from "./options.ts";

/** Settings of Docker's registry that mean nothing here, because what they tune does not exist or needs no setting. */
const WITHOUT_MEANING = [
  "version",
  "health",
  "compatibility",
  "validation",
  "notifications",
  "redis",
  "middleware",
  "reporting",
  "storage.cache",
  "storage.redirect",
  "storage.tag",
  "storage.maintenance.uploadpurging.enabled",
  "storage.maintenance.uploadpurging.interval",
  "storage.maintenance.uploadpurging.dryrun",
  "storage.filesystem.maxthreads",
  "storage.s3.secure",
  "storage.s3.v4auth",
  "storage.s3.chunksize",
  "storage.s3.encrypt",
  "http.net",
  "http.secret",
  "http.headers",
  "http.http2",
  "http.relativeurls",
  "http.debug.prometheus",
  "log.fields",
  "log.formatter",
  "log.hooks",
  "loglevel",
  "auth.silly",
  "auth.none",
];

export interface Arguments {
  values: Partial<Config>;
  configFile: string | undefined;
  help: boolean;
}

/** Flags of `berth registry serve`, and the configuration file as Docker's registry takes it. @throws Error. */
export function parseArguments(argv: readonly string[]): Arguments {
  const found: Arguments = { values: {}, configFile: undefined, help: false };
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    if (word === "--help" || word === "-h") {
      found.help = true;
      continue;
    }
    if (!word.startsWith("--")) {
      if (found.configFile !== undefined) throw new Error(`unexpected argument: ${word}`);
      found.configFile = word;
      continue;
    }
    const equals = word.indexOf("=");
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    let value = equals < 0 ? undefined : word.slice(equals + 1);
    const take = (): string => {
      value ??= argv[++index];
      if (value === undefined) throw new Error(`flag needs an argument: --${name}`);
      return value;
    };
    if (name === "config") {
      found.configFile = take();
      continue;
    }
    const entry = OPTION_LIST.find(([, { flag }]) => flag === name);
    if (entry === undefined) throw new Error(`unknown flag: --${name}`);
    const [key, { kind }] = entry;
    const given = kind.word === "" ? (value ?? "true") : take();
    set(found.values, key, given, kind, `--${name}`);
  }
  return found;
}

/** Flags before the environment before the file before what is standard. @throws Error that names the setting. */
export function loadConfig(
  { values, configFile }: Arguments,
  environment: Readonly<Record<string, string | undefined>>,
): Config {
  const config = Object.fromEntries(OPTION_LIST.map(([key, { fallback }]) => [key, fallback])) as Config;
  const file = configFile ?? environment.REGISTRY_CONFIGURATION_PATH;
  if (file !== undefined) Object.assign(config, readFile(file));
  for (const [key, { path, kind }] of OPTION_LIST) {
    const name = environmentName(path);
    const value = environment[name];
    if (value !== undefined) set(config, key, value, kind, name);
  }
  Object.assign(config, values);
  check(config);
  return config;
}

function readFile(file: string): Partial<Config> {
  const values: Partial<Config> = {};
  let document: unknown;
  try {
    document = Bun.YAML.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`cannot read ${file}: ${messageOf(error)}`);
  }
  const visit = (value: unknown, path: string): void => {
    const entry = OPTION_LIST.find(([, option]) => option.path === path);
    if (entry !== undefined) {
      set(values, entry[0], value, entry[1].kind, `${file}: ${path}`);
    } else if (WITHOUT_MEANING.some((each) => path === each)) {
      log.debug("a setting that means nothing to this registry", { file, setting: path });
    } else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) visit(inner, path === "" ? key : `${path}.${key}`);
    } else if (value !== null || path === "") {
      throw new Error(`${file}: unknown setting ${path || "(the file is not a map)"}`);
    }
  };
  visit(document, "");
  return values;
}

function set(
  target: Partial<Config>,
  key: keyof Config,
  value: unknown,
  kind: { parse(value: unknown): unknown },
  where: string,
): void {
  try {
    Object.assign(target, { [key]: kind.parse(value) });
  } catch (error) {
    throw new Error(`${where}: ${messageOf(error)}`);
  }
}

function check(config: Config): void {
  if ((config.tlsCertificate === "") !== (config.tlsKey === ""))
    throw new Error("a certificate and its key are needed both: --tls-cert, --tls-key");
  if (config.tlsClientAuthorities.length > 0 && config.tlsCertificate === "")
    throw new Error("--tls-client-ca needs --tls-cert and --tls-key");
  if (!["combined", "json", "none"].includes(config.accessLog))
    throw new Error(`--access-log: ${config.accessLog} is not combined, json or none`);
  if (config.rights !== "" && config.htpasswd === "" && config.tokenRealm === "")
    throw new Error("--rights needs --htpasswd");
  if (config.issueTokens && config.htpasswd === "") throw new Error("--tokens needs --htpasswd");
  if (config.tokenRealm !== "") {
    if (config.htpasswd !== "") throw new Error("--token-realm and --htpasswd exclude each other");
    if (config.tokenService === "" || config.tokenIssuer === "")
      throw new Error("--token-realm needs --token-service and --token-issuer");
    if (config.tokenCertificates === "" && config.tokenKeys === "")
      throw new Error("--token-realm needs --token-certs or --token-jwks");
  }
  if (config.proxyUrl !== "" && !/^https?:\/\/[^/]/.test(config.proxyUrl))
    throw new Error(`--proxy: ${config.proxyUrl} is not an http or https URL`);
}

/** `:5000`, `127.0.0.1:5000`, `[::1]:5000`. @throws Error. */
export function parseAddress(address: string): { hostname: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) throw new Error(`${address} is not an address (for example :5000)`);
  return { hostname: match[1] ?? (match[2] === "" ? "::" : match[2]!), port };
}
