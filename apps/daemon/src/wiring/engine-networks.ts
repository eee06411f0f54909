import type { EngineNetworks } from "@berth/engine";
import type { NetworkController } from "@berth/network";
import type { DaemonConfig } from "../config/options.ts";

/** The controller as the engine sees it: `--dns`, `--dns-search` and `--dns-opt` for containers that bring none. */
export function engineNetworks(controller: NetworkController, config: DaemonConfig): EngineNetworks {
  const given = (own: string[], daemon: readonly string[]) => (own.length > 0 ? own : [...daemon]);
  return {
    allocate: (request) =>
      controller.allocate({
        ...request,
        dns: {
          servers: given(request.dns.servers, config.dns),
          search: given(request.dns.search, config.dnsSearch),
          options: given(request.dns.options, config.dnsOptions),
        },
      }),
    restore: async (running) => controller.restore(running),
    publish: (id) => controller.publish(id),
    release: (id) => controller.release(id),
    lookUp: (network) => controller.lookUp(network),
    validateEndpoint: (request, connected) => controller.validateEndpoint(request, connected),
    connect: (id, request, ports) => controller.connect(id, request, ports),
    disconnect: (id, network) => controller.disconnect(id, network),
    relink: (id, linked) => controller.relink(id, linked),
    rename: (id, name) => controller.rename(id, name),
    sandboxOf: (id) => controller.sandboxOf(id),
    endpointsOf: (id) => controller.endpointsOf(id),
    portsOf: (id) => controller.portsOf(id),
    hostGateway: () => controller.hostGateway(),
    create: (request) => controller.create(request),
    remove: (network) => controller.remove(network),
    list: (filters) => controller.list(filters),
    inspect: (network) => controller.inspect(network),
    prune: (filters, removed, createdBefore) => controller.prune(filters, removed, createdBefore),
  };
}
