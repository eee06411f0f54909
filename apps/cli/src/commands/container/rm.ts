import { containerRemove } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { isNotFound } from "../../error-kinds.ts";
import { CommandError } from "../../errors.ts";
import { bool } from "../../flags/types.ts";
import { forEach } from "../../for-each.ts";

export default command({
  names: ["container rm", "container remove", "rm"],
  summary: "Remove one or more containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: atLeast(1),
  completes: ["container"],
  flags: {
    force: bool("Kill a running container first", { shorthand: "f" }),
    link: bool("Remove the link of this name", { shorthand: "l" }),
    volumes: bool("Remove its anonymous volumes too", { shorthand: "v" }),
  },
  examples: [
    { what: "One that runs, with its anonymous volumes", words: "rm -fv web" },
    { what: "All that do not run", words: "container prune" },
  ],
  async run(context, { values }, names) {
    const client = await context.client();
    await forEach(context, names, async (given) => {
      const name = given.replace(/^\/+|\/+$/g, "");
      if (name === "") throw new CommandError("Container name cannot be empty");
      try {
        await containerRemove(client, name, values);
      } catch (error) {
        // With --force it is enough that it is gone; Docker still says that it was not there.
        if (!values.force || !isNotFound(error)) throw error;
        await context.stderr.write(`Error response from daemon: ${(error as Error).message}\n`);
        return "";
      }
      return given;
    });
  },
});
