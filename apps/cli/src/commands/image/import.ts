import { imageImport } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { list, string } from "../../flags/types.ts";
import { showProgress } from "../../format/progress.ts";

export default command({
  names: ["image import", "import"],
  summary: "Make an image from a tar of a file system",
  usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  arguments: atLeast(1),
  flags: {
    change: list("Apply an instruction of a Dockerfile to the image", { shorthand: "c" }),
    message: string("Message for the image's history", { shorthand: "m" }),
    platform: string("Platform of the image (os[/arch[/variant]])"),
  },
  completes: ["file", "image", "none"],
  examples: [
    { what: "A root file system as an image", words: "import -c 'CMD [\"/bin/sh\"]' rootfs.tar.gz base:1" },
  ],
  async run(context, { values }, [source, reference]) {
    const isUrl = /^https?:\/\//.test(source!);
    const body =
      source === "-"
        ? context.stdin.chunks()
        : isUrl
          ? undefined
          : await (await import("../../io/files.ts")).openFile(source!);
    const response = await imageImport(await context.client(), {
      source: isUrl ? source! : "-",
      changes: values.change,
      ...(values.message && { message: values.message }),
      ...(values.platform && { platform: values.platform }),
      ...(reference && { repository: reference }),
      ...(body !== undefined && { body }),
    });
    await showProgress(context, response);
  },
});
