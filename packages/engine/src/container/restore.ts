import { log, messageOf, nowNanoseconds, rfc3339Nano, ZERO_TIME } from "@berth/base";
import type { ExitRecord, Shim } from "@berth/runtime";
import type { EngineContext } from "../context.ts";
import { settleNetwork, tellShim } from "../network/restore.ts";
import type { Container } from "./container.ts";
import { discard } from "./create.ts";
import { afterExit, recordExit, watchExit } from "./exit.ts";
import { startHealth } from "./health.ts";
import { containerDirectory } from "./paths.ts";
import { removeLocked } from "./removal.ts";
import { startsWithDaemon } from "./restart-policy.ts";
import { startUnlessRunning } from "./start.ts";
import { hasOrder, startDependencies } from "./start-order.ts";

/** Exit code of a container that a host's end took with it: nobody saw how it ended. */
const LOST = 255;
/** Containers started at once when the daemon starts. */
const PARALLEL_STARTS = 16;
/** How long a container waits for the health of one that it depends on. */
const LONGEST_HEALTH_WAIT_MS = 120_000;
const HEALTH_LOOK_MS = 100;

/**
 * Makes memory and kernel agree again when the daemon starts: containers that still run are taken over, exits that happened
 * meanwhile are recorded, what was being made or removed is removed, and restart policies are applied.
 * Resolves when every container's state is right; containers are started by policy after that, in the background.
 */
export async function restoreContainers(engine: EngineContext): Promise<{ started: Promise<void> }> {
  for (const container of engine.containers.all()) {
    for (const mount of container.record.mounts) {
      if (mount.type === "volume" && mount.name !== undefined) {
        engine.volumes.acquire(mount.name, container.id);
      }
    }
  }
  const toStart: Container[] = [];
  await Promise.all(
    [...engine.containers.all()].map(async (container) => {
      try {
        if (await restoreOne(engine, container)) toStart.push(container);
      } catch (error) {
        log.error("cannot restore a container", { container: container.id, error: messageOf(error) });
      }
    }),
  );
  const live = [...engine.containers.all()].filter((container) => container.shim !== undefined);
  await engine.networks.restore(live.map((container) => container.id));
  for (const container of live) settleNetwork(engine, container);
  for (const container of live) void tellShim(engine, container);
  await engine.volumes.restore();
  return { started: startAll(engine, toStart) };
}

/** @returns true when the container shall be started by its policy. */
async function restoreOne(engine: EngineContext, container: Container): Promise<boolean> {
  using _held = await container.lock.lock();
  const { state, record } = container;
  if (record.incomplete) {
    await discard(engine, container);
    return false;
  }
  const found = await engine.runtime.recover(container.id, containerDirectory(engine.settings, container.id));
  if (found !== undefined && isShim(found)) {
    if (await adopt(engine, container, found)) return false;
  } else if (state.running && !state.restarting) {
    await recordExit(engine, container, found ?? lostExit(state.startedAt));
    if (!state.restarting) await afterExit(engine, container);
  } else if (found !== undefined && found.finishedAt > state.finishedAt) {
    // It was started, and ended, while nobody could write that down.
    state.startedAt = state.startedAt === ZERO_TIME ? found.finishedAt : state.startedAt;
    await recordExit(engine, container, found);
    if (!state.restarting) await afterExit(engine, container);
  }
  if (engine.containers.find(container.id) === undefined) return false;
  if (state.removing) {
    await removeLocked(engine, container, { volumes: state.removeVolumes ?? false });
    return false;
  }
  if (state.restarting) {
    // Compose's containers start in the order of their dependencies.
    if (hasOrder(record.config.Labels)) return true;
    engine.restarts.schedule(container);
    return false;
  }
  if (record.hostConfig.AutoRemove && state.startedAt !== ZERO_TIME) {
    await removeLocked(engine, container, { volumes: true });
    return false;
  }
  return (
    state.startedAt !== ZERO_TIME &&
    startsWithDaemon(record.hostConfig.RestartPolicy, {
      exitCode: state.exitCode,
      restartCount: state.restartCount,
      manuallyStopped: state.manuallyStopped,
    })
  );
}

/** Takes over a shim. False when it was never started: then nothing runs. */
async function adopt(engine: EngineContext, container: Container, shim: Shim): Promise<boolean> {
  const { state } = container;
  const started = shim.started;
  if (started === undefined) {
    await shim.abandon();
    if (state.running && !state.restarting) {
      state.running = false;
      state.pid = 0;
      engine.containers.saveState(container);
    }
    return false;
  }
  container.shim = shim;
  if (!state.running || state.restarting || state.pid !== started.pid) {
    // The daemon was killed between the start and its record.
    Object.assign(state, {
      running: true,
      restarting: false,
      pid: started.pid,
      startedAt: started.startedAt,
      exitCode: 0,
      error: "",
    });
    engine.containers.saveState(container);
  }
  if (!state.paused) startHealth(engine, container, false);
  watchExit(engine, container, shim);
  return true;
}

function isShim(found: Shim | ExitRecord): found is Shim {
  return "exited" in found;
}

function lostExit(startedAt: string): ExitRecord {
  const now = rfc3339Nano(nowNanoseconds());
  return { exitCode: LOST, oomKilled: false, finishedAt: now < startedAt ? startedAt : now };
}

/** Oldest first, and each after what Compose notes that it depends on. */
async function startAll(engine: EngineContext, containers: readonly Container[]): Promise<void> {
  const queue = [...containers].sort((a, b) => (a.record.created < b.record.created ? -1 : 1));
  const labelled = queue.map((container) => ({ container, labels: container.record.config.Labels }));
  const dependencies = startDependencies(labelled);
  const started = new Map<Container, Promise<void>>();
  let free = PARALLEL_STARTS;
  const waiting: (() => void)[] = [];
  const start = async (container: Container): Promise<void> => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      await startByPolicy(engine, container);
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
  const startInOrder = (one: (typeof labelled)[number]): Promise<void> => {
    const { container } = one;
    const known = started.get(container);
    if (known !== undefined) return known;
    const task = (async () => {
      for (const { container: needed, healthy } of dependencies.get(one) ?? []) {
        await startInOrder(needed);
        if (healthy) await untilHealthy(engine, needed.container);
      }
      await start(container);
    })();
    started.set(container, task);
    return task;
  };
  await Promise.all(labelled.map(startInOrder));
}

async function startByPolicy(engine: EngineContext, container: Container): Promise<void> {
  if (engine.stopping) return;
  try {
    using _held = await container.lock.lock();
    const { running, restarting } = container.state;
    if (!running || restarting) await startUnlessRunning(engine, container);
  } catch (error) {
    if (container.state.restarting) engine.restarts.schedule(container);
    log.error("cannot start a container by its restart policy", {
      container: container.id,
      error: messageOf(error),
    });
  }
}

/** Or until it cannot be any more, or took too long: the dependent starts then all the same, as its policy says. */
async function untilHealthy(engine: EngineContext, container: Container): Promise<void> {
  for (let waited = 0; waited < LONGEST_HEALTH_WAIT_MS && !engine.stopping; waited += HEALTH_LOOK_MS) {
    const { running, health } = container.state;
    if (!running || health === undefined || health.Status !== "starting") return;
    await Bun.sleep(HEALTH_LOOK_MS);
  }
}
