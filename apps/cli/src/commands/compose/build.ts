import { imageNameOf, serviceOf, withDependencies } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { buildServices } from "../../compose/build.ts";
import { loadTarget } from "../../compose/engine.ts";
import { bool, list, string } from "../../flags/types.ts";

export default command({
  names: ["compose build"],
  summary: "Build or rebuild services",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    "build-arg": list("Set a build argument", { type: "stringArray" }),
    builder: string("Accepted; there is one builder"),
    compress: bool("Without effect", { hidden: true }),
    "force-rm": bool("Without effect", { hidden: true }),
    memory: string("Memory of RUN steps", { shorthand: "m" }),
    "no-cache": bool("Take nothing from the cache"),
    "no-rm": bool("Without effect", { hidden: true }),
    parallel: bool("Without effect", { hidden: true, default: true }),
    progress: string("How progress is shown", { default: "auto", hidden: true }),
    pull: bool("Ask the registry for newer base images"),
    push: bool("Push the images"),
    quiet: bool("Say nothing", { shorthand: "q" }),
    ssh: string("SSH keys for the build (default, or id=path)"),
    "with-dependencies": bool("Build services that they depend on, too"),
  },
  async run(context, { values, given }, services) {
    const target = await loadTarget(context, services);
    const chosen = withDependencies(target.project.services, services, {
      dependencies: values["with-dependencies"],
    });
    const separator = context.compose?.compatibility ? "_" : "-";
    const built = [...chosen]
      .map((name) => serviceOf(target, name)!)
      .filter(({ build }) => build !== undefined);
    if (built.length === 0) {
      await context.stderr.write("No services to build\n");
      return;
    }
    const progress = given("progress") ? values.progress : (context.compose?.progress ?? "auto");
    const imageNames = new Map(
      Object.keys(target.project.services).map((name) => [
        name,
        imageNameOf(target.project, serviceOf(target, name)!, separator),
      ]),
    );
    if (context.compose?.dryRun) {
      await context.stderr.write(
        built.map(({ name }) => ` DRY-RUN MODE -  build ${imageNames.get(name)}\n`).join(""),
      );
      return;
    }
    await buildServices(context, target, built, {
      imageNames,
      quiet: values.quiet,
      noCache: values["no-cache"],
      pull: values.pull,
      push: values.push,
      arguments: values["build-arg"],
      ...(progress !== "auto" && { progress }),
      ...(values.memory !== "" && { memory: values.memory }),
      ...(values.ssh !== "" && { ssh: values.ssh }),
    });
    await context.stderr.write(values.quiet ? "" : built.map(({ name }) => ` ${name}  Built\n`).join(""));
  },
});
