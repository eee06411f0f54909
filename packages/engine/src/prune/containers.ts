import { type ContainersPruneReport, type Filters, untilFilter } from "@berth/api";
import { isKind, log, messageOf } from "@berth/base";
import type { Container } from "../container/container.ts";
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
  const asked = [...engine.containers.all()].filter(
    (container) => isAsked(container, filters, until) && isIdle(container),
  );
  // All at once: one process finds them.
  const sizes = await Promise.all(asked.map((container) => containerSizes(engine, container)));
  for (const [index, container] of asked.entries()) {
    if (signal.aborted) break;
    using _held = await container.lock.lock();
    if (engine.containers.find(container.id) !== container || !isIdle(container)) continue;
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
    report.SpaceReclaimed += sizes[index]?.writable ?? 0;
  }
  engine.events.publish("container", "prune", "", { reclaimed: String(report.SpaceReclaimed) });
  return report;
}

function isAsked({ record }: Container, filters: Filters, until: number | undefined): boolean {
  if (until !== undefined && Date.parse(record.created) >= until) return false;
  if (!filters.labels("label", record.config.Labels)) return false;
  return !(filters.has("label!") && filters.labels("label!", record.config.Labels));
}

function isIdle({ record, state }: Container): boolean {
  return !state.running && !state.removing && !record.incomplete;
}
