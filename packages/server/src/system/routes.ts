import type { DiskUsage, SystemInfo } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { BuildBackend } from "../build/backend.ts";
import { buildCacheRecord } from "../build/disk-usage.ts";
import type { Exchange } from "../http/exchange.ts";
import { get, type Handler, head, type Route } from "../http/router.ts";
import { jsonLines, sendChunks } from "../http/stream.ts";
import { imageSummary } from "../image/routes.ts";
import type { DiskUsageOptions, EventsOptions, SystemBackend } from "./backend.ts";

const EVENT_FILTERS = [
  "config",
  "container",
  "daemon",
  "event",
  "image",
  "label",
  "network",
  "node",
  "plugin",
  "scope",
  "secret",
  "service",
  "type",
  "volume",
] as const;

const PING_HEADERS = {
  Swarm: "inactive",
  "Cache-Control": "no-cache, no-store, must-revalidate",
  Pragma: "no-cache",
};

export function systemRoutes(system: SystemBackend, builds?: BuildBackend): Route[] {
  const ping: Handler = (exchange) => {
    // 2 makes clients use BuildKit's sessions where they can.
    const builder = builds !== undefined && system.prefersBuildKit() ? "2" : "1";
    const headers = { ...PING_HEADERS, "Builder-Version": builder };
    exchange.text(exchange.request.method === "HEAD" ? "" : "OK", headers);
  };
  return [
    get("/_ping", ping),
    head("/_ping", ping),

    get("/info", async (exchange) => {
      exchange.json(systemInfo(await system.info(), exchange.version));
    }),

    get("/version", async (exchange) => {
      exchange.json(await system.version());
    }),

    get("/system/df", async (exchange) => {
      const options = diskUsageOptions(exchange);
      const usage = await system.diskUsage(options, exchange.signal);
      if (options.buildCache && builds !== undefined) {
        const records = await builds.diskUsage();
        usage.BuildCache = records.map((record) => buildCacheRecord(record, exchange.version));
        usage.BuilderSize = records.reduce((sum, { size, shared }) => sum + (shared ? 0 : size), 0);
      }
      exchange.json(diskUsage(usage, exchange.version));
    }),

    get("/events", async (exchange) => {
      const messages = await system.events(eventsOptions(exchange), exchange.signal);
      await sendChunks(exchange, { "Content-Type": "application/json" }, jsonLines(messages), {
        flush: true,
      });
    }),
  ];
}

function eventsOptions({ query }: Exchange): EventsOptions {
  const since = query.moment("since");
  const until = query.moment("until");
  if (since !== undefined && until !== undefined && since > until) {
    throw invalidParameter(
      `\`since\` time (${query.string("since")}) cannot be after \`until\` time (${query.string("until")})`,
    );
  }
  return {
    filters: query.filters(EVENT_FILTERS),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  };
}

/** `type` chooses parts since API 1.42. */
function diskUsageOptions({ query, version }: Exchange): DiskUsageOptions {
  const types = version >= 42 ? query.all("type") : [];
  for (const type of types) {
    if (!["container", "image", "volume", "build-cache"].includes(type)) {
      throw invalidParameter(`unknown object type: ${type}`);
    }
  }
  const asked = (type: string) => types.length === 0 || types.includes(type);
  return {
    containers: asked("container"),
    images: asked("image"),
    volumes: asked("volume"),
    buildCache: asked("build-cache"),
  };
}

function diskUsage(usage: DiskUsage, version: number): object {
  const { BuilderSize = 0, ...rest } = usage;
  return {
    LayersSize: rest.LayersSize ?? 0,
    Images: rest.Images?.map((image) => imageSummary(image, version)) ?? null,
    Containers: rest.Containers ?? null,
    Volumes: rest.Volumes ?? null,
    BuildCache: rest.BuildCache ?? null,
    ...(version < 42 && { BuilderSize }),
  };
}

function systemInfo(info: SystemInfo, version: number): object {
  const { KernelMemory, KernelMemoryTCP, BridgeNfIptables, BridgeNfIp6tables, ...rest } = info;
  return {
    ...rest,
    ...(version < 42 && { KernelMemory: KernelMemory ?? false, KernelMemoryTCP: KernelMemoryTCP ?? false }),
    ...(version < 50 && { BridgeNfIptables, BridgeNfIp6tables }),
    // The seccomp profile was renamed in API 1.42.
    SecurityOptions: info.SecurityOptions.map((option) =>
      version < 42 ? option.replace("profile=builtin", "profile=default") : option,
    ),
    Runtimes: Object.fromEntries(
      Object.entries(info.Runtimes).map(([name, { status, ...runtime }]) => [
        name,
        version >= 44 && status !== undefined ? { ...runtime, status } : runtime,
      ]),
    ),
    ContainerdCommit: commit(info.ContainerdCommit, version),
    RuncCommit: commit(info.RuncCommit, version),
    InitCommit: commit(info.InitCommit, version),
  };
}

/** `Expected` ended with API 1.49. */
function commit({ ID, Expected }: { ID: string; Expected?: string }, version: number): object {
  return version < 49 ? { ID, Expected: Expected ?? ID } : { ID };
}
