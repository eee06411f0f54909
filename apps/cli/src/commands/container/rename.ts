import { containerRename } from "@berth/client";
import { command, exactly } from "../../command.ts";
import { describeError } from "../../describe-error.ts";
import { CommandError } from "../../errors.ts";

export default command({
  names: ["container rename", "rename"],
  summary: "Give a container another name",
  usage: "CONTAINER NEW_NAME",
  arguments: exactly(2),
  completes: ["container", "none"],
  flags: {},
  examples: [{ what: "Another name, the same container", words: "rename web web-old" }],
  async run(context, _flags, [name = "", newName = ""]) {
    const [from, to] = [name.trim(), newName.trim()];
    if (from === "" || to === "") throw new CommandError("Error: Neither old nor new names may be empty");
    try {
      await containerRename(await context.client(), from, to);
    } catch (error) {
      throw new CommandError(
        `${describeError(context.program, error)}\nError: failed to rename container named ${from}`,
      );
    }
  },
});
