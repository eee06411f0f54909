import { conflict } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { containerEvent } from "./events.ts";

/** The root filesystem, without mounts, as one tar. @throws not-found, conflict. */
export async function exportContainer(
  engine: EngineContext,
  reference: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const container = engine.containers.get(reference);
  if (container.state.dead) throw conflict(`You cannot export container ${container.id} which is Dead`);
  if (container.state.removing) {
    throw conflict(`You cannot export container ${container.id} which is being removed`);
  }
  const tar = await engine.jobs.export(engine.snapshots.writable(container.id), signal);
  containerEvent(engine, container, "export");
  return tar;
}
