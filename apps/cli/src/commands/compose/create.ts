import { up } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { loadTarget, withEngine } from "../../compose/engine.ts";
import { checkBuildFlags, orphansAreRemoved, recreatePolicies, SCALE_FLAG } from "../../compose/up-flags.ts";
import { bool, string } from "../../flags/types.ts";

export default command({
  names: ["compose create"],
  summary: "Creates containers for a service",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    build: bool("Build images before creating containers"),
    "force-recreate": bool("Recreate containers even if nothing of them has changed"),
    "no-build": bool("Do not build an image, even if it is missing"),
    "no-recreate": bool("Leave containers that exist as they are. Incompatible with --force-recreate"),
    pull: string('Pull images before creating ("always"|"missing"|"never"|"build")'),
    "quiet-pull": bool("Pull without telling progress"),
    "remove-orphans": bool("Remove containers of services that the file no longer has"),
    scale: SCALE_FLAG,
    yes: bool('Assume "yes" to all questions', { shorthand: "y" }),
  },
  async run(context, { values }, services) {
    const target = await loadTarget(context, services);
    const build = checkBuildFlags(values);
    await withEngine(context, { title: "Creating" }, (engine) =>
      up(engine, target, {
        services,
        dependencies: true,
        ...recreatePolicies(values),
        ...(build !== undefined && { build }),
        ...(values.pull !== "" && { pull: values.pull }),
        quietPull: values["quiet-pull"],
        renewAnonymousVolumes: false,
        removeOrphans: orphansAreRemoved(context, values["remove-orphans"]),
        start: false,
        wait: false,
        scale: values.scale,
        disabled: target.disabled,
      }),
    );
  },
});
