import type { Change } from "@berth/api";
import type { EngineContext } from "../context.ts";

/** `docker diff`. @throws not-found. */
export async function containerChanges(engine: EngineContext, reference: string): Promise<Change[]> {
  const container = engine.containers.get(reference);
  const changes = await engine.snapshots.changes(container.id);
  return changes
    .filter(({ path }) => path !== "/")
    .map(({ path, kind }): Change => ({ Path: path, Kind: kind }))
    .sort((a, b) => (a.Path < b.Path ? -1 : 1));
}
