import { start } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { checkServices, findTarget, withEngine } from "../../compose/engine.ts";
import { CommandError } from "../../errors.ts";
import { bool, int } from "../../flags/types.ts";

export default command({
  names: ["compose start"],
  summary: "Start services",
  usage: "[SERVICE...]",
  arguments: atLeast(0),
  flags: {
    wait: bool("Wait until services run or are healthy"),
    "wait-timeout": int("Most seconds to wait"),
  },
  async run(context, { values }, services) {
    const target = await findTarget(context, services);
    checkServices(target, services);
    const limit = new AbortController();
    const seconds = values["wait-timeout"];
    const timer =
      seconds > 0
        ? setTimeout(
            () => limit.abort(new CommandError(`application not healthy after ${seconds}s`)),
            seconds * 1000,
          )
        : undefined;
    await withEngine(context, {}, (engine) =>
      start(engine, target, { services, wait: values.wait, signal: limit.signal }),
    ).finally(() => clearTimeout(timer));
  },
});
