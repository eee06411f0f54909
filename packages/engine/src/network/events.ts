import type { EngineContext } from "../context.ts";

/** Docker's network event; its `type` attribute is the driver. */
export function networkEvent(
  engine: EngineContext,
  action: "create" | "destroy" | "connect" | "disconnect",
  network: { id: string; name: string; driver: string },
  containerId?: string,
): void {
  engine.events.publish("network", action, network.id, {
    ...(containerId === undefined ? {} : { container: containerId }),
    name: network.name,
    type: network.driver,
  });
}

/** One event for each network of a container that starts or ended. */
export function endpointEvents(
  engine: EngineContext,
  containerId: string,
  action: "connect" | "disconnect",
  endpoints: readonly { networkId: string; networkName: string }[],
): void {
  for (const { networkId, networkName } of endpoints) {
    let driver = "bridge";
    try {
      driver = engine.networks.lookUp(networkId).driver;
    } catch {
      // Removed while a container that ended was still in it.
    }
    networkEvent(engine, action, { id: networkId, name: networkName, driver }, containerId);
  }
}
