import { restart } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { checkServices, findTarget, withEngine } from "../../compose/engine.ts";
import { bool, int } from "../../flags/types.ts";

export default command({
  names: ["compose restart"],
  summary: "Restart service containers",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    "no-deps": bool("Do not restart services that depend on them"),
    timeout: int("Seconds that containers get to stop", { shorthand: "t" }),
  },
  async run(context, { values, given }, services) {
    const target = await findTarget(context, services);
    checkServices(target, services);
    await withEngine(context, { title: "Restarting" }, (engine) =>
      restart(engine, target, {
        services,
        dependencies: !values["no-deps"],
        ...(given("timeout") && { timeout: values.timeout }),
      }),
    );
  },
});
