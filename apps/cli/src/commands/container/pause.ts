import { containerPause } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { forEach } from "../../for-each.ts";

export default command({
  names: ["container pause", "pause"],
  summary: "Stop all processes of one or more containers where they are",
  usage: "CONTAINER [CONTAINER...]",
  arguments: atLeast(1),
  completes: ["running-container"],
  flags: {},
  async run(context, _flags, names) {
    const client = await context.client();
    await forEach(context, names, (name) => containerPause(client, name));
  },
});
