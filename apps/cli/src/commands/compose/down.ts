import { down } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { findTarget, withEngine } from "../../compose/engine.ts";
import { orphansAreRemoved } from "../../compose/up-flags.ts";
import { CommandError } from "../../errors.ts";
import { bool, int, string } from "../../flags/types.ts";

export default command({
  names: ["compose down"],
  summary: "Stop and remove containers, networks",
  usage: "[OPTIONS] [SERVICES]",
  arguments: atLeast(0),
  flags: {
    "remove-orphans": bool("Remove containers of services that the file no longer has"),
    rmi: string(
      'Remove images of services. "local" removes only those without a name of their own ("local"|"all")',
      {
        values: ["local", "all"],
      },
    ),
    timeout: int("Seconds that containers get to stop", { shorthand: "t" }),
    volumes: bool("Remove the file's named volumes, and anonymous ones of containers", { shorthand: "v" }),
  },
  async run(context, { values, given }, services) {
    const { rmi } = values;
    if (rmi !== "" && rmi !== "local" && rmi !== "all") {
      throw new CommandError(`invalid value for --rmi: ${JSON.stringify(rmi)}`);
    }
    const target = await findTarget(context);
    for (const name of services) {
      if (target.isLoaded && !(name in target.project.services) && !target.disabled.includes(name)) {
        throw new CommandError(`no such service: ${name}`);
      }
    }
    await withEngine(context, {}, (engine) =>
      down(engine, target, {
        services,
        removeOrphans: orphansAreRemoved(context, values["remove-orphans"]) || !target.isLoaded,
        volumes: values.volumes,
        images: rmi === "" ? "none" : rmi,
        disabled: target.disabled,
        ...(given("timeout") && { timeout: values.timeout }),
      }),
    );
  },
});
