import type { Networks } from "@berth/network";

/** What the engine needs of networks. */
export interface EngineNetworks extends Networks {
  /** After a daemon start: what belongs to no running container is freed, the rest is put in place again. */
  restore(running: readonly string[]): Promise<void>;
}
