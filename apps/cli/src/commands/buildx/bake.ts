import { atLeast, command } from "../../command.ts";
import { bool, list, string } from "../../flags/types.ts";

export default command({
  names: ["buildx bake", "bake", "buildx f"],
  summary: "Build the targets of a bake file or a Compose file",
  description:
    "Targets are read from docker-bake.hcl, docker-bake.json, their .override files and compose.yaml, as far as they are here.",
  usage: "[OPTIONS] [TARGET...]",
  arguments: atLeast(0),
  flags: {
    builder: string("Accepted; there is one builder", { hidden: true }),
    file: list("Read this file", { shorthand: "f", type: "stringArray" }),
    list: string("Only list: targets, variables"),
    load: bool("Put the results into the image store (as --set=*.output=type=docker)"),
    "metadata-file": string("Write the builds' results to this file", { values: "file" }),
    "no-cache": bool("Take nothing from the cache"),
    print: bool("Show the targets as JSON, and build nothing"),
    progress: string("How progress is shown: auto, plain, tty, rawjson, quiet", {
      default: "auto",
      values: ["auto", "plain", "tty", "rawjson", "quiet"],
    }),
    provenance: string("As --set=*.attest=type=provenance"),
    pull: bool("Ask the registry for newer base images"),
    push: bool("Push the results (as --set=*.output=type=registry)"),
    sbom: string("As --set=*.attest=type=sbom"),
    set: list("Change an attribute of targets (targetpattern.key=value)", { type: "stringArray" }),
  },
  examples: [
    { what: "The targets of the group default", words: "buildx bake" },
    { what: "One target, with another tag", words: "buildx bake --set app.tags=app:test app" },
  ],
  async run(context, { values }, names) {
    const { bake } = await import("../../bake/bake.ts");
    await bake(
      context,
      { ...values, noCache: values["no-cache"], metadataFile: values["metadata-file"] },
      names,
    );
  },
});
