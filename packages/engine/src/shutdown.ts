import { log, messageOf } from "@berth/base";
import { isAlive } from "./container/container.ts";
import { stopRunning } from "./container/stop-running.ts";
import type { EngineContext } from "./context.ts";

/**
 * Ends the engine: nothing is restarted any more; with `keepContainers` processes run on under their shims, to be found by
 * the next daemon. Else each gets its stop signal, and SIGKILL after its own stop timeout, at most `timeoutSeconds`.
 */
export async function shutDown(
  engine: EngineContext,
  options: { keepContainers: boolean; timeoutSeconds: number },
): Promise<void> {
  engine.stopping = true;
  engine.restarts.close();
  for (const container of engine.containers.all()) container.health?.stop();
  if (!options.keepContainers) {
    await Promise.all(
      [...engine.containers.all()].filter(isAlive).map(async (container) => {
        const own = container.record.config.StopTimeout ?? engine.settings.stopTimeout;
        const timeout = Math.min(
          own < 0 ? Number.POSITIVE_INFINITY : own,
          Math.max(0, options.timeoutSeconds),
        );
        try {
          await stopRunning(engine, container, { timeout });
        } catch (error) {
          log.warn("cannot stop a container", { container: container.id, error: messageOf(error) });
        }
      }),
    );
  }
  await engine.runtime.close();
}
