import { volumeRemove } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { bool } from "../../flags/types.ts";
import { forEach } from "../../for-each.ts";

export default command({
  names: ["volume rm", "volume remove"],
  summary: "Remove one or more volumes that no container uses",
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  arguments: atLeast(1),
  flags: { force: bool("A volume that is not there is no failure", { shorthand: "f" }) },
  examples: [{ what: "By name", words: "volume rm data" }],
  completes: ["volume"],
  async run(context, { values }, names) {
    const client = await context.client();
    const remove = (name: string) => volumeRemove(client, name, { force: values.force });
    await forEach(context, names, remove, { oneByOne: true });
  },
});
