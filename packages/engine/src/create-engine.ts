import { join } from "node:path";
import type { State } from "@berth/state";
import { SqliteVolumeStore, Volumes } from "@berth/volume";
import { SqliteContainerTable } from "./container/container-table.ts";
import { validateLogConfig } from "./container/log-config.ts";
import { restartByPolicy } from "./container/restart-by-policy.ts";
import { RestartQueue } from "./container/restart-queue.ts";
import { ContainerStore } from "./container/store.ts";
import type { EngineContext } from "./context.ts";
import { EventLog } from "./events/event-log.ts";
import { ExecStore } from "./exec/exec-store.ts";
import { readHostFacts } from "./system/host-facts.ts";

/** What the engine is made of; `apps/daemon` brings the implementations. */
export type EngineParts = Pick<
  EngineContext,
  "settings" | "runtime" | "networks" | "images" | "snapshots" | "jobs" | "buildSpec" | "allCapabilities"
> & { state: State; facts?: EngineContext["facts"]; events?: EventLog };

/**
 * The engine's context over a state database. Nothing runs before `restoreContainers`.
 * @throws invalid-parameter when the settings' default for logs could not be used by a container.
 */
export function createEngine({ state, facts, events: log, ...parts }: EngineParts): EngineContext {
  validateLogConfig(parts.settings.log);
  const events = log ?? new EventLog();
  const volumes = new Volumes({
    directory: join(parts.settings.dataRoot, "volumes"),
    store: new SqliteVolumeStore(state),
    onEvent: (action, name, attributes) => events.publish("volume", action, name, attributes),
  });
  const restarts = new RestartQueue();
  const engine: EngineContext = {
    ...parts,
    facts: facts ?? readHostFacts(),
    containers: new ContainerStore(new SqliteContainerTable(state)),
    execs: new ExecStore(),
    restarts,
    events,
    volumes,
    transaction: (change, durable = true) => state.transaction(change, { durable }),
    stopping: false,
  };
  restarts.onDue = (container) => void restartByPolicy(engine, container);
  return engine;
}
