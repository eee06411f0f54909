import { type ObservedContainer, observeContainers } from "@berth/compose";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";
import { type CommandTarget, findTarget } from "./engine.ts";

/**
 * One container of a service: the first that runs, or the one with a number.
 * @param running refuses those that do not run.
 * @throws CommandError
 */
export async function selectContainer(
  context: Context,
  service: string,
  index: number,
  options: { running: boolean },
): Promise<{ target: CommandTarget; container: ObservedContainer }> {
  const target = await findTarget(
    context,
    [service].filter((name) => name !== ""),
  );
  const containers = await observeContainers(await context.client(), target.project.name, {
    all: !options.running,
    services: [service],
    oneOff: "exclude",
  });
  const chosen = containers
    .sort((a, b) => a.number - b.number)
    .find((each) => (index > 0 ? each.number === index : true));
  if (chosen !== undefined) return { target, container: chosen };
  if (options.running) {
    throw new CommandError(
      index > 0
        ? `service ${JSON.stringify(service)} is not running container #${index}`
        : `service ${JSON.stringify(service)} is not running`,
    );
  }
  throw new CommandError(
    index > 0
      ? `no container found for service ${JSON.stringify(service)} at index ${index}`
      : `no container found for service ${JSON.stringify(service)}`,
  );
}

/** The settings that a command of the engine's own line would have been given: it is run for us. */
export function asFlags(values: Record<string, unknown>, given: readonly string[] = []) {
  return { values, given: (name: string) => given.includes(name) } as never;
}
