import { log, messageOf, setLogLevel } from "@berth/base";
import { RegistryServer } from "@berth/registry/server";
import { serveHelp } from "./config/help.ts";
import { loadConfig, parseAddress, parseArguments } from "./config/load.ts";
import type { Config } from "./config/options.ts";
import { serveMetrics } from "./metrics-server.ts";
import { assemble, openStore } from "./parts.ts";

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
  const parts = assemble(config, store);
  const server = new RegistryServer(parts.options);
  const metrics = serveMetrics(config.metricsAddress, parts.metrics, store);
  const { hostname } = parseAddress(config.address);
  log.info("registry is serving", {
    address: `${hostname.includes(":") ? `[${hostname}]` : hostname}:${server.port}`,
    tls: config.tlsCertificate !== "",
    storage: store.description,
  });
  process.on("SIGHUP", () => {
    try {
      const next = loadConfig(flags, process.env);
      server.reload(parts.reconfigure(next));
      setLevel(next);
      log.info("configuration was read again");
    } catch (error) {
      log.error("configuration stays as it was", { error: messageOf(error) });
    }
  });
  const signal = await new Promise<string>((resolve) => {
    process.on("SIGTERM", () => resolve("SIGTERM"));
    process.on("SIGINT", () => resolve("SIGINT"));
  });
  log.info("registry is stopping", { signal });
  await server.stop(config.drainTimeout / 1000);
  await metrics?.stop(true);
  await store[Symbol.asyncDispose]();
  process.exit(0);
}

function setLevel(config: Config): void {
  const level = config.logLevel === "warning" ? "warn" : config.logLevel;
  if (!["debug", "info", "warn", "error"].includes(level))
    throw new Error(`--log-level: ${level} is not debug, info, warn or error`);
  setLogLevel(level as Parameters<typeof setLogLevel>[0]);
}
