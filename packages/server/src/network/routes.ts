import {
  type NetworkInspect,
  networkConnectDecoder,
  networkCreateDecoder,
  networkDisconnectDecoder,
} from "@berth/api";
import { invalidParameter } from "@berth/base";
import { PRUNE_FILTERS } from "../container/lifecycle.ts";
import type { Exchange } from "../http/exchange.ts";
import { del, get, type Handler, post, type Route } from "../http/router.ts";
import type { NetworkBackend } from "./backend.ts";

const LIST_FILTERS = ["dangling", "driver", "id", "label", "name", "scope", "type"] as const;

export function networkRoutes(networks: NetworkBackend): Route[] {
  const list: Handler = async (exchange) => {
    const found = await networks.list(exchange.query.filters(LIST_FILTERS));
    exchange.json(found.map((network) => networkInspect(network, exchange.version)));
  };
  return [
    get("/networks", list),
    get("/networks/", list),

    get("/networks/{id}", async (exchange) => {
      const { query } = exchange;
      const options = { verbose: query.boolean("verbose"), scope: query.string("scope") };
      const network = await networks.inspect(exchange.parameter("id"), options);
      exchange.json(networkInspect(network, exchange.version));
    }),

    post("/networks/create", async (exchange) => {
      const request = await exchange.readJson(networkCreateDecoder);
      if (request.Name.trim() === "") throw invalidParameter(`invalid name: ${request.Name}`);
      if (exchange.version < 48) delete request.EnableIPv4;
      exchange.json(await networks.create(request), 201);
    }),

    post("/networks/prune", async (exchange) => {
      exchange.json(await networks.prune(exchange.query.filters(PRUNE_FILTERS), exchange.signal));
    }),

    post("/networks/{id}/connect", (exchange) => connect(exchange, networks)),

    post("/networks/{id}/disconnect", async (exchange) => {
      const request = await exchange.readJson(networkDisconnectDecoder);
      requireContainer(request.Container);
      await networks.disconnect(exchange.parameter("id"), request);
      exchange.empty(200);
    }),

    del("/networks/{id}", async (exchange) => {
      await networks.remove(exchange.parameter("id"));
      exchange.empty(204);
    }),
  ];
}

async function connect(exchange: Exchange, networks: NetworkBackend): Promise<void> {
  const request = await exchange.readJson(networkConnectDecoder);
  requireContainer(request.Container);
  const endpoint = request.EndpointConfig;
  if (endpoint !== null) {
    if (exchange.version < 44) endpoint.MacAddress = "";
    if (exchange.version < 48) endpoint.GwPriority = 0;
  }
  await networks.connect(exchange.parameter("id"), request);
  exchange.empty(200);
}

function requireContainer(name: string): void {
  if (name === "") throw invalidParameter('invalid name or ID supplied: ""');
}

/** `EnableIPv4` came with API 1.48. */
function networkInspect(network: NetworkInspect, version: number): NetworkInspect {
  if (version >= 48 || network.EnableIPv4 === undefined) return network;
  const { EnableIPv4, ...older } = network;
  return older;
}
