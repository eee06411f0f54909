import type { Networks } from "@berth/network";

/** What the engine needs of networks. */
export interface EngineNetworks extends Networks {
  /** The host's address as containers reach it: the default bridge's gateway, or what the daemon was told. */
  hostGateway(): string;
  /** A running container got another name: its networks' name servers answer for that one. */
  renamed(containerId: string, name: string): Promise<void>;
  /** After a daemon start: what belongs to no running container is freed, the rest is put in place again. */
  restore(running: readonly string[]): Promise<void>;
}
