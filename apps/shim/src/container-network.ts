import type { Loop } from "@berth/linux";
import {
  type DnsPlan,
  DnsServer,
  type EndpointPlan,
  type GatewayPlan,
  type NetworkSandbox,
  openSandbox,
  PortProxies,
  type PortSocket,
  type SandboxPlan,
} from "@berth/network";

/** The network of the shim's container: namespace, name server, sockets of published ports. */
export class ContainerNetwork {
  readonly #plan: SandboxPlan;
  readonly #loop: Loop;
  readonly #sandbox: NetworkSandbox;
  #ports: PortProxies | undefined;
  #dns: DnsServer | undefined;

  /** Only the namespace, as yet. `descriptors`: of `ports`, in their order; owned from now on. @throws what the network could not be made for; nothing is left then. */
  constructor(loop: Loop, plan: SandboxPlan, ports: readonly PortSocket[], descriptors: readonly number[]) {
    this.#loop = loop;
    this.#plan = plan;
    if (ports.length > 0) this.#ports = new PortProxies(loop, ports, descriptors, plan.holdPorts);
    try {
      this.#sandbox = openSandbox(plan);
    } catch (error) {
      this.#ports?.stop();
      throw error;
    }
  }

  /** The network is furnished, by another process: names are answered from now on. */
  begin(): void {
    this.#sandbox.adopt(this.#plan);
    if (this.#plan.dns) this.#dns = new DnsServer(this.#loop, this.#sandbox, this.#plan.dns);
  }

  /** Its descriptor; undefined: the host's. */
  get namespace(): number | undefined {
    return this.#sandbox.namespace;
  }

  get mode(): SandboxPlan["mode"] {
    return this.#plan.mode;
  }

  connect(plan: EndpointPlan): void {
    this.#sandbox.connectEndpoint(plan);
  }

  disconnect(endpointId: string, gateways: readonly GatewayPlan[]): void {
    this.#sandbox.disconnectEndpoint(endpointId, gateways);
  }

  /** Other published ports from now on. @throws when one cannot be bound; nothing has changed then. */
  changePorts(ports: readonly PortSocket[]): void {
    this.#ports ??= new PortProxies(this.#loop, [], [], this.#plan.holdPorts);
    this.#ports.change(ports);
  }

  /** Brings everything to what it should be. @throws what could not be changed; the rest is as it should be. */
  sync(plan: SandboxPlan, ports: readonly PortSocket[]): void {
    this.#sandbox.sync(plan);
    this.changePorts(ports);
    if (plan.dns) this.updateDns(plan.dns);
  }

  updateDns(plan: DnsPlan): void {
    if (this.#dns) this.#dns.update(plan);
    else this.#dns = new DnsServer(this.#loop, this.#sandbox, plan);
  }

  close(): void {
    this.#dns?.stop();
    this.#dns = undefined;
    this.#sandbox[Symbol.dispose]();
    this.#ports?.stop();
    this.#ports = undefined;
  }

  /** After `close`, when nobody waits any more: what the kernel would remove some time later. */
  removeInterfaces(): void {
    this.#sandbox.removeInterfaces();
  }
}
