import { atLeast, command } from "../../command.ts";
import { createContainer, orNotRun, readContainerRequest } from "../../container-options/create-container.ts";
import { CONTAINER_FLAGS } from "../../container-options/flags.ts";

export default command({
  names: ["container create", "create"],
  summary: "Make a container without starting it",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  arguments: atLeast(1),
  argumentsAreACommand: true,
  completes: ["image", "none"],
  flags: CONTAINER_FLAGS,
  async run(context, flags, args) {
    const request = await readContainerRequest(context, flags, args);
    const id = await orNotRun(context, async () =>
      createContainer(context, await context.client(), request, flags),
    );
    await context.stdout.write(`${id}\n`);
  },
});
