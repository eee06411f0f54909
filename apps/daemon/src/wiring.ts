import { notImplemented } from "@berth/base";
import type { Backends } from "@berth/server";
import type { DaemonConfig } from "./config/options.ts";

/** The engine with all its parts, started. */
export interface Daemon {
  backends: Backends;
  /** Takes over reloadable settings. */
  reload(config: DaemonConfig): void;
  /** Ends the engine; containers are stopped unless they are to be kept. Returns when all is on disk. */
  stop(options: { keepContainers: boolean; timeoutSeconds: number }): Promise<void>;
}

export async function wire(_config: DaemonConfig): Promise<Daemon> {
  throw notImplemented("the engine is not wired in yet");
}
