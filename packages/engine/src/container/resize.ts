import { conflict } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { containerEvent } from "./events.ts";

/** @throws not-found, conflict. */
export async function resizeContainer(
  engine: EngineContext,
  reference: string,
  rows: number,
  columns: number,
): Promise<void> {
  const container = engine.containers.get(reference);
  if (!container.state.running || container.shim === undefined) {
    throw conflict(`Container ${container.id} is not running`);
  }
  await container.shim.resize(rows, columns);
  containerEvent(engine, container, "resize", { height: String(rows), width: String(columns) });
}
