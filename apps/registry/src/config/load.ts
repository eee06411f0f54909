import { TOKEN_ALGORITHMS } from "@berth/registry/server";
import { type Config, OPTION_LIST } from "./options.ts";
import { applyEnvironment, readConfigFile, setOption } from "./sources.ts";

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
    const entry = OPTION_LIST.find(([, { flag }]) => flag !== "" && flag === name);
    if (entry === undefined) throw new Error(`unknown flag: --${name}`);
    const [key, { kind }] = entry;
    const given = kind.word === "" ? (value ?? "true") : take();
    setOption(found.values, key, given, kind, `--${name}`);
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
  if (file !== undefined) Object.assign(config, readConfigFile(file));
  applyEnvironment(config, environment);
  Object.assign(config, values);
  if (config.driver === "s3" && config.s3Bucket === "") throw new Error("storage.s3 needs a bucket");
  if (config.driver === "filesystem") config.s3Bucket = "";
  check(config);
  return config;
}

function oneOf(flag: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw new Error(`${flag}: ${value} is not ${known.join(" or ")}`);
}

function regularExpression(pattern: string): void {
  try {
    new RegExp(pattern);
  } catch {
    throw new Error(`validation.manifests.urls: ${pattern} is not a regular expression`);
  }
}

function check(config: Config): void {
  if ((config.tlsCertificate === "") !== (config.tlsKey === ""))
    throw new Error("a certificate and its key are needed both: --tls-cert, --tls-key");
  if (config.tlsClientAuthorities.length > 0 && config.tlsCertificate === "")
    throw new Error("--tls-client-ca needs --tls-cert and --tls-key");
  oneOf("--access-log", config.accessLog, ["combined", "json", "none"]);
  oneOf("--log-format", config.logFormat, ["text", "json", "logstash"]);
  oneOf("--net", config.network, ["tcp", "unix"]);
  oneOf("--tls-min", config.tlsMinimum, ["tls1.2", "tls1.3"]);
  if (config.prefix !== "" && !/^\/[\w.~/-]*$/.test(config.prefix))
    throw new Error(`--prefix: ${config.prefix} is not a path`);
  if (config.s3ChunkSize < 5 << 20) throw new Error("--s3-chunk-size: parts of S3 have 5 MiB at least");
  for (const algorithm of config.tokenAlgorithms) oneOf("--token-algorithms", algorithm, TOKEN_ALGORITHMS);
  for (const pattern of [...config.urlsAllowed, ...config.urlsDenied]) regularExpression(pattern);
  if (config.rights !== "" && config.htpasswd === "") throw new Error("--rights needs --htpasswd");
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
  if (config.proxyUrl !== "" && !/^https?:\/\/[^/?#@]+\/?$/.test(config.proxyUrl))
    throw new Error(`--proxy: ${config.proxyUrl} has more than a host`);
}

/** `:5000`, `127.0.0.1:5000`, `[::1]:5000`. @throws Error. */
export function parseAddress(address: string): { hostname: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) throw new Error(`${address} is not an address (for example :5000)`);
  return { hostname: match[1] ?? (match[2] === "" ? "::" : match[2]!), port };
}
