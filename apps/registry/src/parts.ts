import { readFileSync } from "node:fs";
import {
  AccessLog,
  type AccessLogFormat,
  clearTemporaryFiles,
  createContext,
  type DispatchOptions,
  Metrics,
  type ObjectStore,
  OPEN,
  openDiskStore,
  RateLimiter,
  type RegistryServerOptions,
  type TlsOptions,
} from "@berth/registry/server";
import { parseAddress } from "./config/load.ts";
import type { Config } from "./config/options.ts";

/** Where everything is kept. */
export function openStore(config: Config): ObjectStore {
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

/** Implementations by configuration: the only place that names them. `reconfigure` takes another configuration. */
export function assemble(initial: Config, store: ObjectStore) {
  let config = initial;
  const metrics = new Metrics();
  const accessLog = new AccessLog(formatOf(config), (text) => process.stdout.write(text));
  const rate = new RateLimiter(rateOf(config));
  const context = createContext(store, () => ({
    maxManifestBytes: config.maxManifest,
    ...(config.maxBlob > 0 && { maxBlobBytes: config.maxBlob }),
  }));
  const dispatch = (): DispatchOptions => ({
    context,
    authenticator: OPEN,
    proxy: undefined,
    readOnly: config.readOnly,
    deleteEnabled: config.deleteEnabled,
  });
  const changing = () => {
    const tls = readTls(config);
    return {
      dispatch: dispatch(),
      listen: { ...parseAddress(config.address), ...(tls !== undefined && { tls }) },
    };
  };
  const options: RegistryServerOptions = {
    ...changing(),
    accessLog,
    rate,
    metrics,
    other: () => undefined,
  };
  return {
    options,
    context,
    metrics,
    /** What the server must take. @throws when a file cannot be read; then everything stays as it was. */
    reconfigure(next: Config): Partial<RegistryServerOptions> {
      const before = config;
      config = next;
      try {
        const change = changing();
        accessLog.format = formatOf(config);
        rate.rate = rateOf(config);
        return change;
      } catch (error) {
        config = before;
        throw error;
      }
    },
  };
}
