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
  examples: [{ what: "Make it now, start it later", words: "create --name web -p 8080:80 shop:1" }],
  async run(context, flags, args) {
    const request = await readContainerRequest(context, flags, args);
    const id = await orNotRun(context, async () =>
      createContainer(context, await context.client(), request, flags),
    );
    await context.stdout.write(`${id}\n`);
  },
});
