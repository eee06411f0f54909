import { up } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { composeEngine, loadTarget } from "../../compose/engine.ts";
import { watchProject } from "../../compose/watch.ts";
import { CommandError } from "../../errors.ts";
import { bool } from "../../flags/types.ts";

export default command({
  names: ["compose watch", "compose alpha watch"],
  summary: "Watch build context for service and rebuild/refresh containers when files are updated",
  usage: "[SERVICE...]",
  arguments: atLeast(0),
  flags: {
    "no-up": bool("Do not build and start services before"),
    prune: bool("Without meaning: images without names go with the usual prune", {
      hidden: true,
      default: true,
    }),
    quiet: bool("Hide build output"),
  },
  async run(context, { values }, services) {
    if (context.compose?.dryRun) throw new CommandError("watch is not supported in dry-run mode");
    const target = await loadTarget(context, services);
    const engine = await composeEngine(context);
    if (!values["no-up"]) {
      try {
        await up(engine, target, {
          services,
          dependencies: true,
          recreate: "diverged",
          recreateDependencies: "diverged",
          renewAnonymousVolumes: false,
          removeOrphans: false,
          start: true,
          wait: false,
          scale: new Map(),
          disabled: target.disabled,
        });
      } finally {
        await engine.progress.end();
      }
    }
    const stop = new AbortController();
    const onSignal = () => stop.abort();
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
    await watchProject(context, engine, target, { services, quiet: values.quiet, signal: stop.signal });
    return 130;
  },
});
