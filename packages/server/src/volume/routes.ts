import { volumeCreateDecoder } from "@berth/api";
import { noSwarm } from "../absent/routes.ts";
import { del, get, post, type Route } from "../http/router.ts";
import type { VolumeBackend } from "./backend.ts";

const LIST_FILTERS = ["dangling", "driver", "label", "name"] as const;
const PRUNE_FILTERS = ["all", "label", "label!"] as const;

export function volumeRoutes(volumes: VolumeBackend): Route[] {
  return [
    get("/volumes", async (exchange) => {
      exchange.json(await volumes.list(exchange.query.filters(LIST_FILTERS)));
    }),

    get("/volumes/{name}", async (exchange) => {
      exchange.json(await volumes.inspect(exchange.parameter("name")));
    }),

    post("/volumes/create", async (exchange) => {
      const { ClusterVolumeSpec: clustered, ...request } = await exchange.readJson(volumeCreateDecoder);
      if (clustered && exchange.version >= 42) throw noSwarm();
      exchange.json(await volumes.create(request), 201);
    }),

    post("/volumes/prune", async (exchange) => {
      let filters = exchange.query.filters(PRUNE_FILTERS);
      // Named volumes were pruned too below API 1.42.
      if (exchange.version < 42) filters = filters.with("all", "true");
      exchange.json(await volumes.prune(filters, exchange.signal));
    }),

    del("/volumes/{name}", async (exchange) => {
      await volumes.remove(exchange.parameter("name"), { force: exchange.query.boolean("force") });
      exchange.empty(204);
    }),
  ];
}
