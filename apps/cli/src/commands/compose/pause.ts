import { pause } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { checkServices, findTarget, withEngine } from "../../compose/engine.ts";

export default command({
  names: ["compose pause"],
  summary: "Pause services",
  usage: "[SERVICE...]",
  arguments: atLeast(0),
  flags: {},
  async run(context, _flags, services) {
    const target = await findTarget(context, services);
    checkServices(target, services);
    await withEngine(context, {}, (engine) => pause(engine, target, { services, undo: false }));
  },
});
