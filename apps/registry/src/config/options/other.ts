import { bool, duration, number, text } from "../kinds.ts";
import { type Checks, checks, type Endpoint, endpoints, texts } from "../structures.ts";
import { option } from "./option.ts";

/** The pull-through cache, logs, health, notifications. */
export const OTHER = {
  proxyUrl: option(
    "proxy.remoteurl",
    "proxy",
    text,
    "",
    "Be a pull-through cache of the registry at this URL",
  ),
  proxyUser: option("proxy.username", "proxy-username", text, "", "User name there"),
  proxyPassword: option("proxy.password", "proxy-password", text, "", "Password there", true),
  proxyTtl: option(
    "proxy.ttl",
    "proxy-ttl",
    duration,
    168 * 3_600_000,
    "What nobody asked for during that time is removed (0: never)",
  ),
  proxyTagTtl: option(
    "proxy.tagttl",
    "proxy-tag-ttl",
    duration,
    60_000,
    "How long a tag is believed before it is asked for again",
  ),
  mostCatalog: option(
    "catalog.maxentries",
    "catalog-max",
    number,
    1_000_000,
    "Most repositories in one answer",
  ),
  accessLog: option("log.accesslog.format", "access-log", text, "combined", "combined, json or none"),
  accessLogOff: option("log.accesslog.disabled", "no-access-log", bool, false, "No access log"),
  logLevel: option("log.level", "log-level", text, "info", "debug, info, warn or error"),
  logFormat: option("log.formatter", "log-format", text, "text", "text, json or logstash"),
  logFields: option(
    "log.fields",
    "",
    texts,
    {} as Record<string, string>,
    "Fields of every record of the log",
  ),
  healthStorage: option(
    "health.storagedriver",
    "",
    checks("storagedriver"),
    [] as Checks,
    "Look at the storage",
  ),
  healthFiles: option("health.file", "", checks("file"), [] as Checks, "Unhealthy while a file is there"),
  healthHttp: option(
    "health.http",
    "",
    checks("http"),
    [] as Checks,
    "Unhealthy while a URL does not answer",
  ),
  healthTcp: option("health.tcp", "", checks("tcp"), [] as Checks, "Unhealthy while nobody listens there"),
  references: option(
    "notifications.events.includereferences",
    "",
    bool,
    false,
    "Tell what a manifest names too",
  ),
  endpoints: option(
    "notifications.endpoints",
    "",
    endpoints,
    [] as Endpoint[],
    "Who is told of pulls and pushes",
  ),
} as const;
