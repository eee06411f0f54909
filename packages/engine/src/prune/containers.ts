import { type ContainersPruneReport, type Filters, untilFilter } from "@berth/api";
import { isKind, log, messageOf } from "@berth/base";
import { removeLocked } from "../container/removal.ts";
import { containerSizes } from "../container/size.ts";
import type { EngineContext } from "../context.ts";

/** Removes all containers that do not run. `filters`: label, label!, until. */
export async function pruneContainers(
  engine: EngineContext,
  filters: Filters,
  signal: AbortSignal,
): Promise<ContainersPruneReport> {
  const until = untilFilter(filters);
  const report: ContainersPruneReport = { ContainersDeleted: null, SpaceReclaimed: 0 };
  for (const container of [...engine.containers.all()]) {
    if (signal.aborted) break;
    const { record } = container;
    const created = Date.parse(record.created);
    if (until !== undefined && created >= until) continue;
    if (!filters.labels("label", record.config.Labels)) continue;
    if (filters.has("label!") && filters.labels("label!", record.config.Labels)) continue;
    using _held = await container.lock.lock();
    const { state } = container;
    if (engine.containers.find(container.id) !== container) continue;
    if (state.running || state.removing || record.incomplete) continue;
    const { writable } = await containerSizes(engine, container);
    try {
      await removeLocked(engine, container, { volumes: false });
    } catch (error) {
      if (!isKind(error, "not-found")) {
        log.warn("cannot prune a container", { container: container.id, error: messageOf(error) });
      }
      continue;
    }
    report.ContainersDeleted ??= [];
    report.ContainersDeleted.push(container.id);
    report.SpaceReclaimed += writable;
  }
  engine.events.publish("container", "prune", "", { reclaimed: String(report.SpaceReclaimed) });
  return report;
}
