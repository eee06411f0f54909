import { log, messageOf, setLogFormat, setLogLevel } from "@berth/base";
import {
  type CollectOptions,
  collect,
  RegistryServer,
  type RegistryServerOptions,
} from "@berth/registry/server";
import { serveHelp } from "./config/help.ts";
import { loadConfig, parseArguments } from "./config/load.ts";
import type { Config } from "./config/options.ts";
import { serveControl } from "./control.ts";
import { collectOptions, summary } from "./gc.ts";
import { serveMetrics } from "./metrics-server.ts";
import { assemble, listenOf, openStore } from "./parts.ts";

/** `berth registry serve`: until SIGTERM or SIGINT. */
export async function serve(argv: readonly string[]): Promise<void> {
  const flags = parseArguments(argv);
  if (flags.help) {
    process.stdout.write(serveHelp());
    return;
  }
  const config = loadConfig(flags, process.env);
  setLevel(config);
  const store = openStore(config);
  await store.check();
  const parts = await assemble(config, store);
  const server = listen(parts.options, config);
  const metrics = serveMetrics(config, parts.metrics, store, parts.failing);
  const { hostname, unix } = listenOf(config);
  log.info("registry is serving", {
    address: unix ?? `${hostname.includes(":") ? `[${hostname}]` : hostname}:${server.port}`,
    tls: config.tlsCertificate !== "",
    storage: store.description,
  });
  const runCollection = async (options: CollectOptions) => {
    const done = await collect(parts.context, options);
    log.info("garbage collection", { result: summary(done, options.dryRun) });
    parts.metrics.add("berth_registry_collected_blobs_total", "Blobs that were collected.", done.blobs);
    parts.metrics.add("berth_registry_collected_bytes_total", "Bytes that were collected.", done.bytes);
    return done;
  };
  const control = config.s3Bucket === "" ? serveControl(config.root, runCollection) : undefined;
  const timer =
    config.collectInterval > 0 && !config.readOnly
      ? setInterval(() => {
          runCollection(collectOptions(config, false)).catch((error) =>
            log.error("garbage collection failed", { error: messageOf(error) }),
          );
        }, config.collectInterval)
      : undefined;
  const reload = async () => {
    try {
      const next = loadConfig(flags, process.env);
      setLevel(next);
      server.reload(await parts.reconfigure(next));
      log.info("configuration was read again");
    } catch (error) {
      log.error("configuration stays as it was", { error: messageOf(error) });
    }
  };
  process.on("SIGHUP", () => void reload());
  const signal = await new Promise<string>((resolve) => {
    process.on("SIGTERM", () => resolve("SIGTERM"));
    process.on("SIGINT", () => resolve("SIGINT"));
  });
  log.info("registry is stopping", { signal });
  clearInterval(timer);
  control?.[Symbol.dispose]();
  parts[Symbol.dispose]();
  await server.stop(config.drainTimeout / 1000);
  await metrics?.stop(true);
  await store[Symbol.asyncDispose]();
  process.exit(0);
}

/** @throws Error that names the address, and the files of TLS when they are what is wrong. */
function listen(options: RegistryServerOptions, { address, tlsCertificate, tlsKey }: Config): RegistryServer {
  try {
    return new RegistryServer(options);
  } catch (error) {
    const message = messageOf(error);
    const isTls = /SSL|PEM|X509|KEY_/.test(message) && tlsCertificate !== "";
    throw new Error(
      `cannot listen on ${address}${isTls ? ` with ${tlsCertificate} and ${tlsKey}` : ""}: ${message}`,
    );
  }
}

function setLevel(config: Config): void {
  const level = config.logLevel === "warning" ? "warn" : config.logLevel;
  if (!["debug", "info", "warn", "error"].includes(level))
    throw new Error(`--log-level: ${level} is not debug, info, warn or error`);
  setLogLevel(level as Parameters<typeof setLogLevel>[0]);
  setLogFormat(config.logFormat as Parameters<typeof setLogFormat>[0], config.logFields);
}
