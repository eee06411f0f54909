import {
  type Filters,
  type NetworkConnectRequest,
  type NetworkCreateRequest,
  type NetworkCreateResponse,
  type NetworkDisconnectRequest,
  type NetworkInspect,
  type NetworksPruneReport,
  untilFilter,
} from "@berth/api";
import type { EngineContext } from "../context.ts";
import { connectContainer } from "./connect.ts";
import { disconnectContainer } from "./disconnect.ts";
import { networkEvent } from "./events.ts";

/** What the API's network router asks for (`NetworkBackend` of `@berth/server`): networks, with containers and events. */
export function networkBackend(engine: EngineContext) {
  const { networks } = engine;
  return {
    list: async (filters: Filters): Promise<NetworkInspect[]> => networks.list(filters),
    inspect: async (
      network: string,
      _options: { verbose: boolean; scope: string },
    ): Promise<NetworkInspect> => networks.inspect(network),
    create: async (request: NetworkCreateRequest): Promise<NetworkCreateResponse> => {
      const response = await networks.create(request);
      networkEvent(engine, "create", networks.lookUp(response.Id));
      return response;
    },
    remove: async (network: string): Promise<void> => {
      networkEvent(engine, "destroy", await networks.remove(network));
    },
    connect: (network: string, request: NetworkConnectRequest): Promise<void> =>
      connectContainer(engine, network, request),
    disconnect: (network: string, request: NetworkDisconnectRequest): Promise<void> =>
      disconnectContainer(engine, network, request),
    prune: async (filters: Filters, _signal: AbortSignal): Promise<NetworksPruneReport> => {
      const report = await networks.prune(
        filters,
        (network) => networkEvent(engine, "destroy", network),
        untilFilter(filters),
      );
      engine.events.publish("network", "prune", "", { reclaimed: "0" });
      return report;
    },
  };
}
