import type { PortSocket } from "../sandbox-plan.ts";

/** What the packet filter knows of one bridge network. */
export interface FirewallNetwork {
  bridge: string;
  /** IPv4 and IPv6, `172.17.0.0/16`. */
  subnets: string[];
  /** Outbound traffic gets the host's address. */
  masquerade: boolean;
  /** Containers of the network reach each other. */
  icc: boolean;
  /** No way out nor in. */
  internal: boolean;
}

/** The published ports of one container. */
export interface PublishedPorts {
  ports: PortSocket[];
  /** All addresses of the container, without prefix. */
  addresses: string[];
  /** Those from which it calls its own ports by way of the host's socket; absent: all. */
  own?: string[];
  /** Where it may go to although containers of its network do not reach each other. */
  links?: LinkRule[];
}

export interface LinkRule {
  /** IPv4 addresses. */
  from: string;
  to: string;
  protocol: PortSocket["protocol"];
  port: number;
}

/** Name of the table of the daemon whose default bridge this is: several daemons live side by side. */
export function tableName(bridge: string): string {
  return `berth-${bridge.replace(/[^A-Za-z0-9.-]/g, (character) => `_${character.charCodeAt(0).toString(16)}`)}`;
}
