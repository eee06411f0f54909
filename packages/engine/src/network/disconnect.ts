import type { NetworkDisconnectRequest } from "@berth/api";
import { conflict, invalidParameter, isKind, notFound, systemError } from "@berth/base";
import type { NetworkIdentity } from "@berth/network";
import { type Container, isAlive } from "../container/container.ts";
import { rewriteHosts } from "../container/host-files.ts";
import { networkMode } from "../container/network-mode.ts";
import type { EngineContext } from "../context.ts";
import { currentNetwork, HOST_NETWORK, leaveNetwork, means, refuseRemoved } from "./connect.ts";
import { networkEvent } from "./events.ts";

/** POST /networks/{id}/disconnect. @throws not-found, invalid-parameter, system with Docker's sentences. */
export async function disconnectContainer(
  engine: EngineContext,
  reference: string,
  request: NetworkDisconnectRequest,
): Promise<void> {
  const network = engine.networks.lookUp(reference);
  const container = findContainer(engine, request);
  using _held = await container.lock.lock();
  const { record } = container;
  const name = Object.keys(record.endpoints).find((each) => means(engine, each, network));
  if (name !== undefined && networkMode(record.config, record.hostConfig).kind === "host") {
    throw invalidParameter(HOST_NETWORK);
  }
  if (!isAlive(container)) {
    refuseRemoved(container);
    if (name === undefined) {
      throw systemError(`container ${container.id} is not connected to the network ${network.name}`);
    }
    forget(engine, container, name);
    return;
  }
  if (name === undefined) {
    throw systemError(`container ${container.id} is not connected to network ${network.name}`);
  }
  await disconnectRunning(engine, container, network, name);
  networkEvent(engine, "disconnect", network, container.id);
}

function findContainer(engine: EngineContext, request: NetworkDisconnectRequest): Container {
  try {
    return engine.containers.get(request.Container);
  } catch (error) {
    // Forced, Docker looks for an endpoint that a container left behind; here none can be.
    if (!request.Force || !isKind(error, "not-found")) throw error;
    throw notFound(`endpoint ${request.Container} not found`);
  }
}

async function disconnectRunning(
  engine: EngineContext,
  container: Container,
  network: NetworkIdentity,
  name: string,
): Promise<void> {
  const { state, shim } = container;
  if (shim === undefined || state.network === undefined) {
    throw conflict(`Container ${container.id} is not running`);
  }
  await leaveNetwork(engine, container, shim, network.id);
  state.network = currentNetwork(engine, container, state.network);
  engine.transaction(() => {
    forget(engine, container, name);
    engine.containers.saveState(container);
  });
  rewriteHosts(engine, container, state.network.endpoints);
}

function forget(engine: EngineContext, container: Container, name: string): void {
  const { [name]: _, ...endpoints } = container.record.endpoints;
  container.record = { ...container.record, endpoints };
  engine.containers.saveRecord(container);
}
