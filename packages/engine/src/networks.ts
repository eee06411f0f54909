import type { Networks } from "@berth/network";

/** What the engine needs of networks. */
export interface EngineNetworks extends Networks {
  /** The host's address as containers reach it: the default bridge's gateway, or what the daemon was told. */
  hostGateway(): string;
}
