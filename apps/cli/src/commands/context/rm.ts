import { atLeast, command } from "../../command.ts";
import { contextName } from "../../config/endpoint.ts";
import { contextExists, removeContext } from "../../config/store-context.ts";
import { changeConfig } from "../../config/write-config.ts";
import { CommandError } from "../../errors.ts";
import { bool } from "../../flags/types.ts";
import { forEach } from "../../for-each.ts";

export default command({
  names: ["context rm", "context remove"],
  summary: "Remove one or more contexts",
  usage: "CONTEXT [CONTEXT...]",
  arguments: atLeast(1),
  flags: { force: bool("Remove the one in use too", { shorthand: "f" }) },
  completes: ["context"],
  async run(context, { values }, names) {
    const { folder, file } = await context.configuration();
    const current = await contextName(context);
    const remove = async (name: string) => {
      if (name === "default") throw new CommandError('context "default" cannot be removed');
      if (!(await contextExists(folder, name))) {
        if (values.force) return name;
        throw new CommandError(`context "${name}" does not exist`);
      }
      if (name === current && !values.force) {
        throw new CommandError(`context "${name}" is in use, set -f flag to force remove`);
      }
      if (file.currentContext === name) {
        await changeConfig(folder, (config) => {
          delete config.currentContext;
        });
      }
      await removeContext(folder, name);
      return name;
    };
    await forEach(context, names, remove, { oneByOne: true });
  },
});
