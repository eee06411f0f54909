import { containerKill } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { string } from "../../flags/types.ts";
import { forEach } from "../../for-each.ts";
import { SIGNALS } from "./signals.ts";

export default command({
  names: ["container kill", "kill"],
  summary: "Send a signal to one or more running containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: atLeast(1),
  completes: ["running-container"],
  flags: {
    signal: string("Signal to send instead of SIGKILL", { shorthand: "s", values: SIGNALS }),
  },
  examples: [{ what: "Read the settings again", words: "kill -s HUP web" }],
  async run(context, { values }, names) {
    const client = await context.client();
    await forEach(context, names, (name) =>
      containerKill(client, name, values.signal === "" ? {} : { signalName: values.signal }),
    );
  },
});
