import { log, messageOf } from "@berth/base";
import type { Container } from "../container/container.ts";
import { rewriteHosts } from "../container/host-files.ts";
import type { EngineContext } from "../context.ts";
import { connectedIds, currentNetwork, means } from "./connect.ts";

/**
 * After the daemon's start, for a container that runs: a change of its networks that was cut off is taken back when it was to
 * enter one, and finished when it was to leave one. Records only; `tellShim` brings the kernel to them.
 */
export function settleNetwork(engine: EngineContext, container: Container): void {
  const { networks } = engine;
  const { id, state, record } = container;
  const given = networks.endpointsOf(id);
  if (given === undefined) return;
  const asked = new Set(connectedIds(engine, container));
  for (const { networkId } of given) if (!asked.has(networkId)) void networks.disconnect(id, networkId);
  const endpoints = Object.fromEntries(
    Object.entries(record.endpoints).filter(([name]) =>
      given.some(({ networkId, networkName }) =>
        means(engine, name, { id: networkId, name: networkName, driver: "", userDefined: false }),
      ),
    ),
  );
  const forgotten = Object.keys(endpoints).length < Object.keys(record.endpoints).length;
  if (forgotten) {
    container.record = { ...record, endpoints };
    engine.containers.saveRecord(container);
  }
  const network = currentNetwork(engine, container, state.network);
  if (JSON.stringify(network) === JSON.stringify(state.network)) return;
  state.network = network;
  engine.containers.saveState(container);
  rewriteHosts(engine, container, network.endpoints);
}

/** The shim's network becomes what the records say, also where an earlier daemon died in between. Never throws. */
export async function tellShim(engine: EngineContext, container: Container): Promise<void> {
  using _held = await container.lock.lock();
  const { shim, id } = container;
  const wanted = engine.networks.sandboxOf(id);
  if (shim === undefined || wanted === undefined || wanted.plan.mode === "host") return;
  try {
    await shim.syncNetwork(wanted.plan, wanted.ports);
  } catch (error) {
    log.warn("cannot bring a container's network to what it should be", {
      container: id,
      error: messageOf(error),
    });
  }
}
