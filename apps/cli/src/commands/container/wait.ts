import { containerWait } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { forEach } from "../../for-each.ts";

export default command({
  names: ["container wait", "wait"],
  summary: "Wait until one or more containers stopped, and print their exit codes",
  usage: "CONTAINER [CONTAINER...]",
  arguments: atLeast(1),
  completes: ["running-container"],
  flags: {},
  examples: [{ what: "The exit status of a job", words: "wait job" }],
  async run(context, _flags, names) {
    const client = await context.client();
    await forEach(
      context,
      names,
      async (name) => {
        const { exit } = await containerWait(client, name);
        const { StatusCode, Error: failure } = await exit;
        if (failure?.Message) throw new CommandError(failure.Message);
        return String(StatusCode);
      },
      { oneByOne: true },
    );
  },
});
