import { kill } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { checkServices, findTarget, withEngine } from "../../compose/engine.ts";
import { bool, string } from "../../flags/types.ts";

export default command({
  names: ["compose kill"],
  summary: "Force stop service containers",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    "remove-orphans": bool("Kill containers of services that the file no longer has, too"),
    signal: string("Signal to send", { shorthand: "s", default: "SIGKILL" }),
  },
  async run(context, { values }, services) {
    const target = await findTarget(context, services);
    checkServices(target, services);
    await withEngine(context, { title: "Killing" }, (engine) =>
      kill(engine, target, {
        services,
        signalName: values.signal,
        removeOrphans: values["remove-orphans"],
      }),
    );
  },
});
