import { readFileSync } from "node:fs";
import {
  AccessLog,
  type AccessLogFormat,
  createContext,
  type DispatchOptions,
  type Limits,
  type Listen,
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
import { Health } from "./health.ts";
import { Notifications } from "./notifications.ts";

/** Where everything is kept. */
export function openStore(config: Config): ObjectStore {
  if (config.s3Bucket !== "")
    return openS3Store({
      endpoint: endpointOf(config),
      region: config.s3Region,
      bucket: config.s3Bucket,
      accessKey: config.s3AccessKey || (process.env.AWS_ACCESS_KEY_ID ?? ""),
      secretKey: config.s3SecretKey || (process.env.AWS_SECRET_ACCESS_KEY ?? ""),
      sessionToken: config.s3SessionToken || (process.env.AWS_SESSION_TOKEN ?? ""),
      prefix: config.s3Prefix,
      virtualHost: !config.s3PathStyle,
      skipVerify: config.s3SkipVerify,
      encrypt: config.s3Encrypt,
      keyId: config.s3KeyId,
      storageClass: config.s3StorageClass,
      partSize: config.s3ChunkSize,
      redirect: !config.redirectOff,
    });
  return openDiskStore(config.root);
}

function endpointOf({ s3Endpoint, s3Region, s3Secure }: Config): string {
  const endpoint = s3Endpoint || `s3.${s3Region}.amazonaws.com`;
  return /^https?:\/\//.test(endpoint) ? endpoint : `${s3Secure ? "https" : "http"}://${endpoint}`;
}

function readTls(config: Config): TlsOptions | undefined {
  if (config.tlsCertificate === "") return undefined;
  return {
    certificate: readFileSync(config.tlsCertificate, "utf8"),
    key: readFileSync(config.tlsKey, "utf8"),
    minimum: config.tlsMinimum as TlsOptions["minimum"],
    ciphers: config.tlsCiphers,
    ...(config.tlsClientAuthorities.length > 0 && {
      clientAuthorities: config.tlsClientAuthorities.map((file) => readFileSync(file, "utf8")).join("\n"),
    }),
  };
}

/** Where it listens, without TLS. */
export function listenOf({ network, address }: Config): Omit<Listen, "tls"> {
  return network === "unix" ? { hostname: "", port: 0, unix: address } : parseAddress(address);
}

const formatOf = (config: Config): AccessLogFormat =>
  config.accessLogOff ? "none" : (config.accessLog as AccessLogFormat);

/** Where layers may lie that are not here. */
function urlLimits({ validationOff, urlsAllowed, urlsDenied }: Config): Pick<Limits, "isUrlAllowed"> {
  if (validationOff || urlsAllowed.length + urlsDenied.length === 0) return {};
  const allowed = urlsAllowed.map((each) => new RegExp(each));
  const denied = urlsDenied.map((each) => new RegExp(each));
  return {
    isUrlAllowed: (url) =>
      (allowed.length === 0 || allowed.some((each) => each.test(url))) &&
      !denied.some((each) => each.test(url)),
  };
}

const rateOf = ({ ratePerSecond, rateBurst }: Config) =>
  ratePerSecond === 0
    ? undefined
    : { perSecond: ratePerSecond, burst: rateBurst === 0 ? Math.max(1, ratePerSecond * 10) : rateBurst };

function proxyOf(config: Config, context: RepositoryContext): PullThrough | undefined {
  if (config.proxyUrl === "") return undefined;
  const { proxyUser: username, proxyPassword: password } = config;
  return new PullThrough(context, {
    url: config.proxyUrl,
    ttl: config.proxyTagTtl,
    ...(username !== "" && { login: { username, password } }),
  });
}

function notificationsOf(config: Config): Notifications {
  const { endpoints, references, host, tlsCertificate, address } = config;
  return new Notifications({ endpoints, references, host, tls: tlsCertificate !== "", address });
}

/** Implementations by configuration: the only place that names them. @throws Error when a file cannot be read. */
export async function assemble(initial: Config, store: ObjectStore) {
  let config = initial;
  const metrics = new Metrics();
  const accessLog = new AccessLog(formatOf(config), (text) => process.stdout.write(text));
  const rate = new RateLimiter(rateOf(config));
  const limitsOf = (from: Config): Limits => ({
    maxManifestBytes: from.maxManifest,
    ...(from.maxBlob > 0 && { maxBlobBytes: from.maxBlob }),
    ...urlLimits(from),
  });
  let limits = limitsOf(config);
  let health = new Health(config, store);
  let notifications = notificationsOf(config);
  const context = createContext(store, () => limits);
  /** What follows the configuration when it is read again. */
  const changing = async (from: Config, { sink }: Notifications) => {
    const tls = readTls(from);
    const { authenticator, other } = await authentication(from, store);
    const dispatch: DispatchOptions = {
      context,
      authenticator,
      proxy: proxyOf(from, context),
      readOnly: from.readOnly,
      deleteEnabled: from.deleteEnabled,
      mostCatalog: from.mostCatalog,
      events: sink,
    };
    return {
      dispatch,
      other,
      host: from.host.replace(/\/+$/, ""),
      prefix: from.prefix.replace(/\/+$/, ""),
      headers: from.headers,
      listen: { ...listenOf(from), ...(tls !== undefined && { tls }) },
    };
  };
  const options: RegistryServerOptions = {
    ...(await changing(config, notifications)),
    isWell: () => health.isWell,
    accessLog,
    rate,
    metrics,
  };
  return {
    options,
    context,
    metrics,
    failing: () => health.failing,
    [Symbol.dispose]: () => {
      health[Symbol.dispose]();
      notifications[Symbol.dispose]();
    },
    /** @returns what the server must take. @throws when a file cannot be read; then everything stays as it was. */
    async reconfigure(next: Config): Promise<Partial<RegistryServerOptions>> {
      const told = notificationsOf(next);
      const change = await changing(next, told);
      notifications[Symbol.dispose]();
      notifications = told;
      health[Symbol.dispose]();
      health = new Health(next, store);
      config = next;
      limits = limitsOf(next);
      accessLog.format = formatOf(config);
      rate.rate = rateOf(config);
      return change;
    },
  };
}
