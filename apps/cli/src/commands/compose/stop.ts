import { stop } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { checkServices, findTarget, withEngine } from "../../compose/engine.ts";
import { int } from "../../flags/types.ts";

export default command({
  names: ["compose stop"],
  summary: "Stop services",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: { timeout: int("Seconds that containers get to stop", { shorthand: "t" }) },
  async run(context, { values, given }, services) {
    const target = await findTarget(context, services);
    checkServices(target, services);
    await withEngine(context, { title: "Stopping" }, (engine) =>
      stop(engine, target, { services, ...(given("timeout") && { timeout: values.timeout }) }),
    );
  },
});
