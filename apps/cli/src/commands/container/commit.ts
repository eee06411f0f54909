import { containerCommit } from "@berth/client";
import { between, command } from "../../command.ts";
import { bool, list, string } from "../../flags/types.ts";
import { splitImageName } from "../../image-name.ts";

export default command({
  names: ["container commit", "commit"],
  summary: "Make an image from a container and what changed in it",
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  arguments: between(1, 2),
  completes: ["container", "image"],
  flags: {
    author: string('Who made it, such as "Ann Example <ann@example.org>"', { shorthand: "a" }),
    change: list("Dockerfile instruction for the image (CMD, ENV, EXPOSE, …)", { shorthand: "c" }),
    message: string("What was done", { shorthand: "m" }),
    pause: bool("Pause the container meanwhile", { shorthand: "p", default: true }),
  },
  examples: [
    {
      what: "Keep what was installed, and start the server from now on",
      words: `commit -c 'CMD ["nginx", "-g", "daemon off;"]' web shop:1`,
    },
  ],
  async run(context, { values }, [container = "", name]) {
    const { repository, tag } = name === undefined ? { repository: "", tag: "" } : splitImageName(name);
    const { Id } = await containerCommit(await context.client(), container, {
      repository,
      tag,
      comment: values.message,
      author: values.author,
      changes: values.change,
      pause: values.pause,
    });
    await context.stdout.write(`${Id}\n`);
  },
});
