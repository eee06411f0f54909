import { imageRemove } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { isNotFound } from "../../error-kinds.ts";
import { bool, strings } from "../../flags/types.ts";
import { forEach } from "../../for-each.ts";
import { platformsJson } from "./platform.ts";

export default command({
  names: ["image rm", "image remove", "rmi"],
  summary: "Remove one or more images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  arguments: atLeast(1),
  flags: {
    force: bool("Remove also images that stopped containers use, and all names of an id", { shorthand: "f" }),
    "no-prune": bool("Keep untagged parents"),
    platform: strings("Remove only the variant for this platform (os[/arch[/variant]])"),
  },
  completes: ["image"],
  async run(context, { values }, names) {
    const platforms = platformsJson(values.platform);
    const client = await context.client();
    const remove = async (name: string) => {
      const items = await imageRemove(client, name, {
        force: values.force,
        noPrune: values["no-prune"],
        platforms,
      });
      return items
        .map((item) => (item.Deleted ? `Deleted: ${item.Deleted}` : `Untagged: ${item.Untagged}`))
        .join("\n");
    };
    // One after another: an image's parents go only when the last child has gone.
    await forEach(
      context,
      names,
      async (name) => {
        try {
          return await remove(name);
        } catch (error) {
          if (!values.force || !isNotFound(error)) throw error;
          await context.stderr.write(`Error response from daemon: ${(error as Error).message}\n`);
          return "";
        }
      },
      { oneByOne: true },
    );
  },
});
