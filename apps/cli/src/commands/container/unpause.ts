import { containerUnpause } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { forEach } from "../../for-each.ts";

export default command({
  names: ["container unpause", "unpause"],
  summary: "Let the processes of one or more containers go on",
  usage: "CONTAINER [CONTAINER...]",
  arguments: atLeast(1),
  completes: ["running-container"],
  flags: {},
  async run(context, _flags, names) {
    const client = await context.client();
    await forEach(context, names, (name) => containerUnpause(client, name));
  },
});
