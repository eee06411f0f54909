import { readFileSync } from "node:fs";
import {
  AccessLog,
  type AccessLogFormat,
  clearTemporaryFiles,
  createContext,
  type DispatchOptions,
  Metrics,
  type ObjectStore,
  openDiskStore,
  openS3Store,
  PullThrough,
  RateLimiter,
  type RegistryServerOptions,
  type RepositoryContext,
  type TlsOptions,
} from "@berth/registry/server";
import { authentication } from "./authentication.ts";
import { parseAddress } from "./config/load.ts";
import type { Config } from "./config/options.ts";

/** Where everything is kept. */
export function openStore(config: Config): ObjectStore {
  if (config.s3Bucket !== "")
    return openS3Store({
      endpoint: config.s3Endpoint || `https://s3.${config.s3Region}.amazonaws.com`,
      region: config.s3Region,
      bucket: config.s3Bucket,
      accessKey: config.s3AccessKey || (process.env.AWS_ACCESS_KEY_ID ?? ""),
      secretKey: config.s3SecretKey || (process.env.AWS_SECRET_ACCESS_KEY ?? ""),
      prefix: config.s3Prefix,
    });
  clearTemporaryFiles(config.root);
  return openDiskStore(config.root);
}

function readTls(config: Config): TlsOptions | undefined {
  if (config.tlsCertificate === "") return undefined;
  return {
    certificate: readFileSync(config.tlsCertificate, "utf8"),
    key: readFileSync(config.tlsKey, "utf8"),
    ...(config.tlsClientAuthorities.length > 0 && {
      clientAuthorities: config.tlsClientAuthorities.map((file) => readFileSync(file, "utf8")).join("\n"),
    }),
  };
}

const formatOf = (config: Config): AccessLogFormat =>
  config.accessLogOff ? "none" : (config.accessLog as AccessLogFormat);

const rateOf = ({ ratePerSecond, rateBurst }: Config) =>
  ratePerSecond === 0
    ? undefined
    : { perSecond: ratePerSecond, burst: rateBurst === 0 ? Math.max(1, ratePerSecond * 10) : rateBurst };

function proxyOf(config: Config, context: RepositoryContext): PullThrough | undefined {
  if (config.proxyUrl === "") return undefined;
  const { proxyUser: username, proxyPassword: password } = config;
  return new PullThrough(context, {
    url: config.proxyUrl,
    ttl: config.proxyTtl,
    ...(username !== "" && { login: { username, password } }),
  });
}

/** Implementations by configuration: the only place that names them. @throws Error when a file cannot be read. */
export async function assemble(initial: Config, store: ObjectStore) {
  let config = initial;
  const metrics = new Metrics();
  const accessLog = new AccessLog(formatOf(config), (text) => process.stdout.write(text));
  const rate = new RateLimiter(rateOf(config));
  const context = createContext(store, () => ({
    maxManifestBytes: config.maxManifest,
    ...(config.maxBlob > 0 && { maxBlobBytes: config.maxBlob }),
  }));
  /** What follows the configuration when it is read again. */
  const changing = async (from: Config) => {
    const tls = readTls(from);
    const { authenticator, other } = await authentication(from, store);
    const dispatch: DispatchOptions = {
      context,
      authenticator,
      proxy: proxyOf(from, context),
      readOnly: from.readOnly,
      deleteEnabled: from.deleteEnabled,
    };
    return {
      dispatch,
      other,
      host: from.host.replace(/\/+$/, ""),
      listen: { ...parseAddress(from.address), ...(tls !== undefined && { tls }) },
    };
  };
  const options: RegistryServerOptions = { ...(await changing(config)), accessLog, rate, metrics };
  return {
    options,
    context,
    metrics,
    /** @returns what the server must take. @throws when a file cannot be read; then everything stays as it was. */
    async reconfigure(next: Config): Promise<Partial<RegistryServerOptions>> {
      const change = await changing(next);
      config = next;
      accessLog.format = formatOf(config);
      rate.rate = rateOf(config);
      return change;
    },
  };
}
