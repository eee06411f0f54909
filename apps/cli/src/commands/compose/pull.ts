import { type NamedService, observeImages, pullImage, serviceOf, withDependencies } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { loadTarget, withEngine } from "../../compose/engine.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";

export default command({
  names: ["compose pull"],
  summary: "Pull service images",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    "ignore-buildable": bool("Leave out images that can be built"),
    "ignore-pull-failures": bool("Pull what can be pulled, and ignore the others"),
    "include-deps": bool("Pull images of dependencies, too"),
    parallel: bool("Without meaning: images are pulled side by side", { hidden: true, default: true }),
    "no-parallel": bool("Without meaning", { hidden: true }),
    policy: string('Which are pulled ("missing"|"always")', { values: ["missing", "always"] }),
    quiet: bool("Pull without telling progress", { shorthand: "q" }),
  },
  async run(context, { values }, services) {
    const target = await loadTarget(context, services);
    const chosen = withDependencies(target.project.services, services, {
      dependencies: values["include-deps"],
    });
    await withEngine(context, { title: "Pulling", quiet: values.quiet }, async (engine) => {
      const { client, progress } = engine;
      const byImage = new Map<string, NamedService>();
      for (const name of chosen) {
        const service = serviceOf(target, name)!;
        const policy = service.pull_policy;
        if (!service.image) {
          progress.event({ id: name, text: "Skipped - No image to be pulled", status: "done" });
        } else if (policy === "never" || policy === "build") {
          progress.event({ id: name, text: `Skipped - Pull policy set to ${policy}`, status: "done" });
        } else if (values["ignore-buildable"] && service.build !== undefined) {
          progress.event({ id: name, text: "Skipped - Image can be built", status: "done" });
        } else if (byImage.has(service.image)) {
          const other = byImage.get(service.image)!.name;
          progress.event({
            id: name,
            text: `Skipped - Image is already being pulled by ${other}`,
            status: "done",
          });
        } else byImage.set(service.image, service);
      }
      const there =
        values.policy === "missing" || [...byImage.values()].some((each) => isMissingPolicy(each))
          ? await observeImages(client, byImage.keys())
          : new Map();
      const results = await Promise.allSettled(
        [...byImage].map(async ([image, service]) => {
          const onlyMissing =
            values.policy === "missing" || (values.policy === "" && isMissingPolicy(service));
          if (onlyMissing && there.get(image) !== undefined) {
            progress.event({
              id: service.name,
              text: "Skipped - Image is already present locally",
              status: "done",
            });
            return;
          }
          if (context.compose?.dryRun) {
            progress.event({ id: service.name, text: "Pulled", status: "done" });
            return;
          }
          await pullImage(engine, service, image, { quiet: values.quiet });
        }),
      );
      const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
      if (failures.length > 0 && !values["ignore-pull-failures"]) {
        const buildable = [...byImage.values()]
          .filter((each) => each.build !== undefined)
          .map(({ name }) => name);
        if (buildable.length > 0) {
          await context.stderr.write(
            `WARNING: Some service image(s) must be built from source by running:\n    ${context.program} compose build ${buildable.join(" ")}\n`,
          );
        }
        throw failures[0] instanceof Error ? failures[0] : new CommandError(String(failures[0]));
      }
    });
  },
});

function isMissingPolicy({ pull_policy: policy }: NamedService): boolean {
  return policy === "missing" || policy === "if_not_present";
}
