import { up } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { loadTarget, withEngine } from "../../compose/engine.ts";
import { parseScale } from "../../compose/up-flags.ts";
import { bool } from "../../flags/types.ts";

export default command({
  names: ["compose scale"],
  summary: "Scale services",
  usage: "[SERVICE=REPLICAS...]",
  arguments: atLeast(1),
  flags: { "no-deps": bool("Do not start services that they depend on") },
  async run(context, { values }, args) {
    const scale = new Map(args.map(parseScale));
    const services = [...scale.keys()];
    const target = await loadTarget(context, services);
    await withEngine(context, {}, (engine) =>
      up(engine, target, {
        services,
        dependencies: !values["no-deps"],
        recreate: "diverged",
        recreateDependencies: "diverged",
        renewAnonymousVolumes: false,
        removeOrphans: false,
        start: true,
        wait: false,
        scale,
        disabled: target.disabled,
      }),
    );
  },
});
