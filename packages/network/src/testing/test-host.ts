import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Filters, type NetworkCreateRequest } from "@berth/api";
import { type ErrorKind, isKind, newId } from "@berth/base";
import {
  CLONE,
  close,
  listLinks,
  NETLINK_ROUTE,
  NetlinkSocket,
  O,
  open,
  setLink,
  setns,
  unshare,
} from "@berth/linux";
import { openState, type State } from "@berth/state";
import { NetworkController } from "../controller/controller.ts";
import { defaultNetworkSettings, type NetworkSettings } from "../controller/settings.ts";
import { parseZone, type Zone } from "../dns/zone.ts";
import type { ConnectRequest, EndpointRequest, PortRequest, Sandbox } from "../networks.ts";
import { createSandbox, type NetworkSandbox } from "../sandbox/sandbox.ts";
import type { Inside } from "./probe.ts";

/**
 * A host of its own for one test: a network namespace, in which this thread stays until it is disposed of, and folders for
 * daemons. Sandboxes and descriptors that the test leaves are freed with it.
 */
export class TestHost implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "berth-network-"));
  readonly #before = open("/proc/thread-self/ns/net", O.RDONLY);
  readonly #sandboxes: NetworkSandbox[] = [];
  readonly #descriptors = new Set<number>();
  #state: State;

  constructor() {
    unshare(CLONE.NEWNET);
    using netlink = NetlinkSocket.open(NETLINK_ROUTE);
    const batch = netlink.batch();
    setLink(batch, 1, { up: true });
    netlink.run(batch);
    this.#state = openState(join(this.folder, "state.db"));
  }

  /** Starts a daemon's controller; `live`: containers that run. */
  start(settings: Partial<NetworkSettings> = {}, live: string[] = []): NetworkController {
    const defaults = defaultNetworkSettings(this.folder, "berth0");
    const controller = new NetworkController(this.#state, { ...defaults, ...settings });
    controller.restore(live);
    return controller;
  }

  /** As after a loss of the data root. */
  forgetState(): void {
    this.#state.close();
    rmSync(join(this.folder, "state.db"));
    this.#state = openState(join(this.folder, "state.db"));
  }

  /** Starts a container: its sandbox as the shim would make it. */
  async run(
    controller: NetworkController,
    request: ConnectRequest,
  ): Promise<{ sandbox: Sandbox; made: NetworkSandbox }> {
    const sandbox = await controller.allocate(request);
    for (const { fd } of sandbox.ports) this.keep(fd);
    const made = createSandbox(sandbox.plan);
    this.#sandboxes.push(made);
    await controller.publish(request.containerId);
    return { sandbox, made };
  }

  /** Closes the descriptor in the end. */
  keep(fd: number): number {
    this.#descriptors.add(fd);
    return fd;
  }

  close(fd: number): void {
    this.#descriptors.delete(fd);
    close(fd);
  }

  /** The zone file of a network or container. */
  zone(id: string): Zone | undefined {
    return parseZone(readFileSync(join(this.folder, "dns", id), "utf8"));
  }

  [Symbol.dispose](): void {
    for (const sandbox of this.#sandboxes) sandbox[Symbol.dispose]();
    for (const fd of this.#descriptors) close(fd);
    this.#state.close();
    rmSync(this.folder, { recursive: true });
    setns(this.#before, CLONE.NEWNET);
    close(this.#before);
  }
}

/** A request to make a network, with the defaults of the API. */
export function create(more: Partial<NetworkCreateRequest> & { Name: string }): NetworkCreateRequest {
  return {
    Driver: "",
    Scope: "",
    IPAM: null,
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigOnly: false,
    ConfigFrom: null,
    Options: null,
    Labels: null,
    ...more,
  };
}

/** A container that starts; ports are of 80/tcp unless told otherwise. */
export function container(
  name: string,
  endpoints: (string | EndpointRequest)[],
  ports: Partial<PortRequest>[] = [],
): ConnectRequest {
  return {
    containerId: newId(),
    containerName: name,
    hostname: `host-${name}`,
    endpoints: endpoints.map((each) => (typeof each === "string" ? { network: each } : each)),
    ports: ports.map((each) => ({
      protocol: "tcp",
      containerPort: 80,
      hostAddress: "",
      hostPortFirst: 0,
      hostPortLast: each.hostPortFirst ?? 0,
      ...each,
    })),
    dns: { servers: ["192.0.2.53"], search: [], options: [] },
  };
}

/** `forbidden: its message` of what fails. */
export async function failure(action: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof action === "function" ? action() : action);
  } catch (error) {
    const kinds: ErrorKind[] = [
      "invalid-parameter",
      "forbidden",
      "conflict",
      "not-found",
      "not-implemented",
      "system",
    ];
    return `${kinds.find((kind) => isKind(error, kind))}: ${(error as Error).message}`;
  }
  throw new Error("it did not fail");
}

export const inside =
  (sandbox: NetworkSandbox): Inside =>
  (action) =>
    sandbox.inside(action);
export const here: Inside = (action) => action();
export const noFilters = new Filters();

/** Names of the interfaces, without those of containers. */
export function links(): string[] {
  using netlink = NetlinkSocket.open(NETLINK_ROUTE);
  return listLinks(netlink)
    .map((link) => link.name)
    .filter((name) => !name.startsWith("veth"));
}

export function subnetOf(controller: NetworkController, name: string): string | undefined {
  return controller.inspect(name).IPAM.Config?.[0]?.Subnet;
}
