import type { ContainerState } from "@berth/api";
import { messageOf, systemError } from "@berth/base";
import { containerInspect, containerWait, systemEvents } from "@berth/client";
import { LABEL } from "../labels.ts";
import type { Operation } from "../plan/operation.ts";
import type { Performer } from "./perform.ts";

type Wait = Extract<Operation, { kind: "wait" }>;

/**
 * Waits until each container of a service has reached a condition.
 * @throws system when it cannot be reached any more: the container ended, or is unhealthy.
 */
export async function waitFor(context: Performer, operation: Wait, signal: AbortSignal): Promise<void> {
  await Promise.all(operation.containers.map((name) => waitForOne(context, operation, name, signal)));
}

async function waitForOne(
  context: Performer,
  operation: Wait,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const { progress } = context;
  const id = `Container ${name}`;
  const container = context.index.find(name)?.id ?? name;
  progress.event({ id, text: "Waiting", status: "working" });
  try {
    if (operation.condition === "service_completed_successfully") {
      await completed(context, operation, container, signal);
      progress.event({ id, text: "Exited", status: "done" });
    } else {
      await healthy(context, operation, container, name, signal);
      progress.event({ id, text: "Healthy", status: "done" });
    }
  } catch (error) {
    if (signal.aborted) throw error;
    const message = messageOf(error);
    if (!operation.required) {
      progress.event({ id, text: "Skipped", status: "warning" });
      progress.warn(`optional dependency ${JSON.stringify(operation.service)} failed to start: ${message}`);
      return;
    }
    progress.event({ id, text: "Error", status: "error", detail: message });
    throw operation.condition === "service_healthy"
      ? systemError(`dependency failed to start: ${message}`)
      : error;
  }
}

async function completed(
  context: Performer,
  operation: Wait,
  container: string,
  signal: AbortSignal,
): Promise<void> {
  const { exit } = await containerWait(context.client, container, { condition: "not-running", signal });
  const { StatusCode: code } = await exit;
  if (code === 0) return;
  throw systemError(
    `service ${JSON.stringify(operation.service)} didn't complete successfully: exit ${code}`,
  );
}

/** Looks once, and again whenever the daemon tells a change of the container. */
async function healthy(
  context: Performer,
  operation: Wait,
  container: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const { client, target } = context;
  const look = async (): Promise<boolean> => {
    const { State: state } = await containerInspect(client, container, { signal });
    if (isReached(state, operation, name)) return true;
    const rest = steadyIn(state);
    if (rest > 0) setTimeout(() => touch(), rest + 1).unref();
    return false;
  };
  let changed = true;
  let wake = () => {};
  const touch = () => {
    changed = true;
    wake();
  };
  // Most are reached at the first look.
  if (await look()) return;
  const stop = new AbortController();
  const labels = [`${LABEL.project}=${target.project.name}`, `${LABEL.service}=${operation.service}`];
  const events = await systemEvents(client, {
    filters: { type: ["container"], label: labels, event: ["start", "die", "health_status", "destroy"] },
    signal: AbortSignal.any([signal, stop.signal]),
  });
  let watching = true;
  const watch = (async () => {
    try {
      for await (const event of events) {
        if (event.Actor.ID === container) touch();
      }
    } catch {
      // Broken off.
    }
    watching = false;
    wake();
  })();
  try {
    for (;;) {
      signal.throwIfAborted();
      if (changed || !watching) {
        changed = false;
        if (await look()) return;
        if (changed) continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        // Should the events end, the state is asked for now and then.
        if (!watching) setTimeout(resolve, 250);
      });
    }
  } finally {
    stop.abort();
    await watch;
  }
}

/** @throws system when it will not be reached. */
function isReached(state: ContainerState, operation: Wait, name: string): boolean {
  const health = state.Health?.Status ?? "none";
  if (state.Status === "exited" || state.Status === "dead" || state.Status === "removing") {
    throw systemError(`container ${name} exited (${state.ExitCode})`);
  }
  if (health === "unhealthy") throw systemError(`container ${name} is unhealthy`);
  if (health !== "none") return health === "healthy" && state.Running;
  if (operation.condition === "running_or_healthy")
    return state.Status === "running" && steadyIn(state) === 0;
  throw systemError(`container ${name} has no healthcheck configured`);
}

/** A program that cannot work ends at once, mostly: one without a health check is believed after this time. */
const STEADY_MS = 500;

function steadyIn(state: ContainerState): number {
  const age = Date.now() - Date.parse(state.StartedAt);
  // The daemon's clock may be another one.
  return age < 0 || age >= STEADY_MS ? 0 : STEADY_MS - age;
}
