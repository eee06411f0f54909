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
      exchange.json(await containers.inspect(exchange.parameter("name"), { size }));
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
