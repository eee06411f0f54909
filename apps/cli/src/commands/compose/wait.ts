import { containerWait } from "@berth/client";
import { down, observeContainers } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { findTarget, withEngine } from "../../compose/engine.ts";
import { CommandError } from "../../errors.ts";
import { bool } from "../../flags/types.ts";

export default command({
  names: ["compose wait"],
  summary: "Block until the first service container stops",
  usage: "SERVICE [SERVICE...] [OPTIONS]",
  arguments: atLeast(1),
  flags: { "down-project": bool("Drop the project when the first container stops") },
  async run(context, { values }, services) {
    const target = await findTarget(context, services);
    const client = await context.client();
    const containers = await observeContainers(client, target.project.name, { services, oneOff: "exclude" });
    if (containers.length === 0) {
      throw new CommandError(`no containers for project ${JSON.stringify(target.project.name)}`);
    }
    const first = await Promise.race(
      containers.map(async ({ id }) => {
        const { exit } = await containerWait(client, id);
        return { id, code: (await exit).StatusCode };
      }),
    );
    await context.stdout.write(
      `container ${JSON.stringify(first.id)} exited with status code ${first.code}\n`,
    );
    if (values["down-project"]) {
      await withEngine(context, {}, (engine) =>
        down(engine, target, {
          services: [],
          removeOrphans: false,
          volumes: false,
          images: "none",
          disabled: target.disabled,
        }),
      );
    }
    return first.code;
  },
});
