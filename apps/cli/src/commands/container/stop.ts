import { containerStop } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { int, string } from "../../flags/types.ts";
import { forEach } from "../../for-each.ts";
import { SIGNALS } from "./signals.ts";

export default command({
  names: ["container stop", "stop"],
  summary: "Stop one or more running containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  arguments: atLeast(1),
  completes: ["running-container"],
  flags: {
    signal: string("Signal to send", { shorthand: "s", values: SIGNALS }),
    timeout: int("Seconds to wait before killing; -1: for ever", { shorthand: "t" }),
    time: int("Seconds to wait before killing", { deprecated: "use --timeout instead" }),
  },
  examples: [{ what: "Give it a minute to end", words: "stop -t 60 db" }],
  async run(context, { values, given }, names) {
    if (given("time") && given("timeout")) {
      throw new CommandError("conflicting options: cannot specify both --timeout and --time");
    }
    const client = await context.client();
    const timeout = given("timeout") ? values.timeout : given("time") ? values.time : undefined;
    await forEach(context, names, (name) =>
      containerStop(client, name, {
        signalName: values.signal,
        ...(timeout !== undefined && { timeout }),
      }),
    );
  },
});
