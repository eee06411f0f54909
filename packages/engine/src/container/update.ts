import type { ContainerUpdateResponse, HostConfig, Resources, UpdateConfig } from "@berth/api";
import { BerthError, conflict, isKind, messageOf, systemError } from "@berth/base";
import { type CgroupLimits, isErrno } from "@berth/linux";
import type { EngineContext } from "../context.ts";
import { cgroupOf } from "./cgroup.ts";
import { type Container, isAlive } from "./container.ts";
import { containerEvent } from "./events.ts";
import { validateRestartPolicy } from "./validate-host-config.ts";
import { validateResources } from "./validate-resources.ts";

/** POST /containers/{id}/update: limits and restart policy. @throws not-found, invalid-parameter, conflict. */
export async function updateContainer(
  engine: EngineContext,
  reference: string,
  asked: UpdateConfig,
): Promise<ContainerUpdateResponse> {
  const { resources: update, warnings } = validateResources(asked, engine.facts, true);
  validateRestartPolicy(update.RestartPolicy);
  const container = engine.containers.get(reference);
  using _held = await container.lock.lock();
  const fail = (error: unknown): never => {
    const kind = error instanceof BerthError ? error.kind : "system";
    throw new BerthError(kind, `Cannot update container ${container.id}: ${messageOf(error)}`, {
      cause: error,
    });
  };
  if (container.state.removing || container.state.dead) {
    fail(conflict('container is marked for removal and cannot be "update"'));
  }
  const before = container.record;
  let hostConfig: HostConfig;
  try {
    hostConfig = merge(before.hostConfig, update);
    if (update.RestartPolicy.Name !== "" && before.hostConfig.AutoRemove) {
      throw conflict("Restart policy cannot be updated because AutoRemove is enabled for the container");
    }
  } catch (error) {
    return fail(error);
  }
  // The kernel first: what it refuses is not remembered.
  if (isAlive(container)) {
    try {
      cgroupOf(engine, container).update(limitsOf(update, hostConfig));
    } catch (error) {
      // It ended this moment: the limits are those of its next start.
      if (!isErrno(error, "ENOENT") || !isGone(engine, container))
        fail(isKind(error, "conflict") ? error : systemError(messageOf(error), { cause: error }));
    }
  }
  container.record = { ...before, hostConfig };
  engine.containers.saveRecord(container);
  if (update.RestartPolicy.Name !== "") resetRestarts(engine, container);
  containerEvent(engine, container, "update");
  return { Warnings: warnings.length > 0 ? warnings : null };
}

function isGone(engine: EngineContext, container: Container): boolean {
  try {
    cgroupOf(engine, container).pids();
    return false;
  } catch {
    return true;
  }
}

function resetRestarts(engine: EngineContext, container: Container): void {
  container.state.restartCount = 0;
  container.restartDelay = 0;
  engine.containers.saveState(container);
}

const NUMBERS = [
  "BlkioWeight",
  "CpuShares",
  "NanoCpus",
  "CpuPeriod",
  "CpuQuota",
  "CpuRealtimePeriod",
  "CpuRealtimeRuntime",
  "Memory",
  "MemoryReservation",
  "MemorySwap",
] as const satisfies readonly (keyof Resources)[];

/** What is not zero takes the place of what was. @throws conflict with Docker's sentences. */
function merge(before: HostConfig, update: UpdateConfig): HostConfig {
  const after: HostConfig = { ...before };
  if (update.NanoCpus > 0 && (before.CpuPeriod > 0 || before.CpuQuota > 0)) {
    const what = before.CpuPeriod > 0 ? "Period" : "Quota";
    throw conflict(`Conflicting options: Nano CPUs cannot be updated as CPU ${what} has already been set`);
  }
  if ((update.CpuPeriod > 0 || update.CpuQuota > 0) && before.NanoCpus > 0) {
    const what = update.CpuPeriod > 0 ? "Period" : "Quota";
    throw conflict(`Conflicting options: CPU ${what} cannot be updated as NanoCPUs has already been set`);
  }
  if (update.Memory > 0 && update.MemorySwap === 0 && update.Memory > before.MemorySwap) {
    throw conflict(
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    );
  }
  for (const key of NUMBERS) if (update[key] !== 0) after[key] = update[key];
  if (update.CpusetCpus !== "") after.CpusetCpus = update.CpusetCpus;
  if (update.CpusetMems !== "") after.CpusetMems = update.CpusetMems;
  if (update.PidsLimit !== null) after.PidsLimit = update.PidsLimit <= 0 ? null : update.PidsLimit;
  if (update.RestartPolicy.Name !== "") after.RestartPolicy = update.RestartPolicy;
  return after;
}

const PERIOD = 100_000;

function limitsOf(update: UpdateConfig, after: HostConfig): CgroupLimits {
  const limits: CgroupLimits = {};
  if (update.Memory !== 0) limits.memory = update.Memory;
  if (update.MemorySwap !== 0) limits.memorySwap = update.MemorySwap;
  // The kernel keeps memory below memory and swap: both are written when one changes.
  else if (update.Memory !== 0 && after.MemorySwap !== 0) limits.memorySwap = after.MemorySwap;
  if (update.MemoryReservation !== 0) limits.memoryReservation = update.MemoryReservation;
  if (update.CpuShares !== 0) limits.cpuShares = update.CpuShares;
  if (update.NanoCpus > 0) {
    limits.cpuPeriod = PERIOD;
    limits.cpuQuota = Math.floor((update.NanoCpus * PERIOD) / 1e9);
  } else {
    if (update.CpuPeriod !== 0) limits.cpuPeriod = update.CpuPeriod;
    if (update.CpuQuota !== 0) limits.cpuQuota = update.CpuQuota;
  }
  if (update.CpusetCpus !== "") limits.cpusetCpus = update.CpusetCpus;
  if (update.CpusetMems !== "") limits.cpusetMems = update.CpusetMems;
  if (update.PidsLimit !== null) limits.pids = update.PidsLimit <= 0 ? -1 : update.PidsLimit;
  if (update.BlkioWeight !== 0) limits.blkioWeight = update.BlkioWeight;
  return limits;
}
