import type { EndpointSettings, NetworkConnectRequest } from "@berth/api";
import { conflict, forbidden, invalidParameter, log, messageOf } from "@berth/base";
import type { NetworkIdentity } from "@berth/network";
import type { Shim } from "@berth/runtime";
import { type Container, isAlive } from "../container/container.ts";
import { rewriteHosts, writeResolvConf } from "../container/host-files.ts";
import { endpointRequest, networkState, publishedPorts } from "../container/launch.ts";
import { emptyEndpoint, networkMode, validateEndpoint } from "../container/network-mode.ts";
import type { NetworkState } from "../container/record.ts";
import type { EngineContext } from "../context.ts";
import { networkEvent } from "./events.ts";

/** POST /networks/{id}/connect. @throws not-found, invalid-parameter, forbidden, conflict with Docker's sentences. */
export async function connectContainer(
  engine: EngineContext,
  reference: string,
  request: NetworkConnectRequest,
): Promise<void> {
  const container = engine.containers.get(request.Container);
  const network = engine.networks.lookUp(reference);
  using _held = await container.lock.lock();
  refuseRemoved(container);
  const asked: EndpointSettings = { ...emptyEndpoint(), ...request.EndpointConfig };
  validateEndpoint(asked);
  const { record } = container;
  const known = connectedIds(engine, container);
  if (known.includes(network.id) && isAlive(container)) {
    throw forbidden(`endpoint with name ${record.name} already exists in network ${network.name}`);
  }
  refuseModes(container, network);
  const links = asked.Links ?? [];
  if (!isAlive(container)) {
    engine.networks.validateEndpoint(
      endpointRequest(network.name, asked, links),
      known.filter((id) => id !== network.id),
    );
    remember(engine, container, network, asked);
    return;
  }
  await connectRunning(engine, container, network, asked);
  networkEvent(engine, "connect", network, container.id);
}

async function connectRunning(
  engine: EngineContext,
  container: Container,
  network: NetworkIdentity,
  asked: EndpointSettings,
): Promise<void> {
  const { state, shim } = container;
  if (shim === undefined || state.network === undefined) {
    throw conflict(`Container ${container.id} is not running`);
  }
  const live = await engine.networks.connect(
    container.id,
    endpointRequest(network.id, asked, asked.Links ?? []),
    publishedPorts(container),
  );
  try {
    await shim.connectEndpoint(live.plan);
    if (live.ports) await shim.changePorts(live.ports);
    if (live.dns) await shim.updateDns(live.dns);
  } catch (error) {
    await leaveNetwork(engine, container, shim, network.id);
    throw error;
  }
  state.network = currentNetwork(engine, container, state.network);
  engine.transaction(() => {
    remember(engine, container, network, asked);
    engine.containers.saveState(container);
  });
  rewriteHosts(engine, container, state.network.endpoints);
  writeResolvConf(engine, container, live.resolvConf);
}

/** What the networks know of a container that runs, after a change. */
export function currentNetwork(
  engine: EngineContext,
  container: Container,
  before: NetworkState | undefined,
): NetworkState {
  const { networks } = engine;
  const endpoints = networks.endpointsOf(container.id) ?? [];
  return networkState(container, endpoints, networks.portsOf(container.id), before?.sandboxId);
}

/** Takes a running container out of a network, and tells its shim. */
export async function leaveNetwork(
  engine: EngineContext,
  container: Container,
  shim: Shim,
  networkId: string,
): Promise<void> {
  const { endpointId, gateways, ports, dns } = await engine.networks.disconnect(container.id, networkId);
  try {
    await shim.disconnectEndpoint(endpointId, gateways);
    if (ports) await shim.changePorts(ports);
    if (dns) await shim.updateDns(dns);
  } catch (error) {
    // The container is leaving anyway when its shim does not answer.
    log.warn("cannot take an endpoint out of a container", {
      container: container.id,
      error: messageOf(error),
    });
  }
}

function remember(
  engine: EngineContext,
  container: Container,
  network: NetworkIdentity,
  asked: EndpointSettings,
): void {
  const { record } = container;
  const endpoints = { ...record.endpoints };
  for (const name of Object.keys(endpoints)) if (means(engine, name, network)) delete endpoints[name];
  container.record = { ...record, endpoints: { ...endpoints, [network.name]: asked } };
  engine.containers.saveRecord(container);
}

/** The networks of the container's configuration that exist. */
export function connectedIds(engine: EngineContext, container: Container): string[] {
  return Object.keys(container.record.endpoints).flatMap((name) => {
    try {
      return [engine.networks.lookUp(name).id];
    } catch {
      return [];
    }
  });
}

export function means(engine: EngineContext, name: string, network: NetworkIdentity): boolean {
  if (name === network.name || name === network.id) return true;
  try {
    return engine.networks.lookUp(name).id === network.id;
  } catch {
    return false;
  }
}

export function refuseRemoved(container: Container): void {
  if (!container.state.removing && !container.state.dead) return;
  throw conflict(
    `Container ${container.id} is marked for removal and cannot be connected or disconnected to the network`,
  );
}

export const HOST_NETWORK = "container cannot be disconnected from host network or connected to host network";

/** A shared network namespace takes no further networks, a private one only real ones. */
function refuseModes(container: Container, network: NetworkIdentity): void {
  const { config, hostConfig } = container.record;
  const mode = networkMode(config, hostConfig).kind;
  if (mode === "host" || mode === "join") {
    throw invalidParameter(
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  }
  if (network.driver === "host") throw invalidParameter(HOST_NETWORK);
  const onNone = mode === "none" && Object.keys(container.record.endpoints).length > 0;
  if (network.driver === "null" || onNone) {
    throw invalidParameter(
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    );
  }
}
