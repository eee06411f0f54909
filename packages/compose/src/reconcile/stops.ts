import type { ObservedContainer } from "../observe/observed.ts";
import type { PlanBuilder } from "../plan/operation.ts";
import type { NamedService } from "../target.ts";

/** Stopped after its hooks. @returns the last step. */
export function planStop(
  builder: PlanBuilder,
  service: NamedService | undefined,
  container: ObservedContainer,
  after: readonly (number | undefined)[],
  options: { timeout?: number },
  quiet = false,
): number {
  let last = after;
  if (container.state === "running") {
    for (const [index] of (service?.pre_stop ?? []).entries()) {
      const { name, service: owner } = container;
      last = [builder.add({ kind: "hook", container: name, service: owner, when: "pre_stop", index }, last)];
    }
  }
  return builder.add(
    {
      kind: "stop-container",
      container: container.name,
      id: container.id,
      ...(options.timeout !== undefined && { timeout: options.timeout }),
      ...(quiet && { quiet }),
    },
    last,
  );
}
