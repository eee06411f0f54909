import type { ContainerInspect, EndpointSettings } from "@berth/api";
import { ZERO_TIME } from "@berth/base";
import { get, type Route } from "../http/router.ts";
import type { ContainerViews } from "./backend.ts";

const LIST_FILTERS = [
  "ancestor",
  "before",
  "exited",
  "expose",
  "health",
  "id",
  "is-task",
  "isolation",
  "label",
  "name",
  "network",
  "publish",
  "since",
  "status",
  "volume",
] as const;

export function listRoutes(containers: ContainerViews): Route[] {
  return [
    get("/containers/json", async (exchange) => {
      const { query } = exchange;
      let filters = query.filters(LIST_FILTERS);
      for (const legacy of ["since", "before"]) {
        if (query.string(legacy) !== "") filters = filters.with(legacy, query.string(legacy));
      }
      exchange.json(
        await containers.list({
          all: query.boolean("all"),
          limit: query.integer("limit", 0),
          size: query.boolean("size"),
          filters,
        }),
      );
    }),

    get("/containers/{name}/json", async (exchange) => {
      const size = exchange.query.boolean("size");
      const container = await containers.inspect(exchange.parameter("name"), { size });
      exchange.json(exchange.version < 45 ? withShortAliases(container) : container);
    }),

    get("/containers/{name}/top", async (exchange) => {
      exchange.json(await containers.top(exchange.parameter("name"), exchange.query.string("ps_args")));
    }),

    get("/containers/{name}/changes", async (exchange) => {
      const changes = await containers.changes(exchange.parameter("name"));
      exchange.json(changes.length > 0 ? changes : null);
    }),
  ];
}

const PREDEFINED = new Set(["bridge", "default", "host", "none"]);

/**
 * Before `DNSNames` (1.45) the short id and the host's name were told as aliases on user-defined networks. docker-compose 1
 * connects a container anew at each start when they are missing.
 */
function withShortAliases(container: ContainerInspect): ContainerInspect {
  const { Id, Config, State, NetworkSettings } = container;
  if (State.StartedAt === ZERO_TIME) return container;
  const more = [Id.slice(0, 12), Config.Hostname].filter((name) => name !== "");
  const networks: Record<string, EndpointSettings> = {};
  for (const [name, endpoint] of Object.entries(NetworkSettings.Networks)) {
    const Aliases = [...new Set([...(endpoint.Aliases ?? []), ...more])];
    networks[name] = PREDEFINED.has(name) ? endpoint : { ...endpoint, Aliases };
  }
  return { ...container, NetworkSettings: { ...NetworkSettings, Networks: networks } };
}
