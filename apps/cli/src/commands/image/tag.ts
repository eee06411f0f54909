import { imageTag } from "@berth/client";
import { parseAnyReference, parseReference, repositoryOf, withDefaultTag } from "@berth/spec";
import { command, exactly } from "../../command.ts";
import { CommandError } from "../../errors.ts";

export default command({
  names: ["image tag", "tag"],
  summary: "Give an image one more name",
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  arguments: exactly(2),
  flags: {},
  completes: ["image", "image", "none"],
  examples: [{ what: "A name for a registry", words: "tag shop:1 registry.example.com/shop:1" }],
  async run(context, _flags, [source, target]) {
    const check = <T>(text: string, parse: (text: string) => T): T => {
      try {
        return parse(text);
      } catch (error) {
        throw new CommandError(
          `Error parsing reference: ${JSON.stringify(text)} is not a valid repository/tag: ${(error as Error).message}`,
        );
      }
    };
    check(source!, parseAnyReference);
    const name = check(target!, parseReference);
    if (name.digest !== undefined) throw new CommandError("refusing to create a tag with a digest reference");
    await imageTag(await context.client(), source!, repositoryOf(name), withDefaultTag(name).tag!);
  },
});
