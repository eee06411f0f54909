import { containerExport } from "@berth/client";
import { command, exactly } from "../../command.ts";
import { string } from "../../flags/types.ts";
import { checkOutputFile, writeStream } from "../../stream-to-file.ts";

export default command({
  names: ["container export", "export"],
  summary: "Write a container's file system as a tar archive",
  usage: "[OPTIONS] CONTAINER",
  arguments: exactly(1),
  completes: ["container"],
  flags: {
    output: string("File to write instead of stdout", { shorthand: "o", values: "file" }),
  },
  examples: [{ what: "All files as one archive", words: "export -o web.tar web" }],
  async run(context, { values }, [name = ""]) {
    await checkOutputFile(context, values.output, "failed to export container: ");
    const tar = await containerExport(await context.client(), name);
    await writeStream(context, tar, values.output);
  },
});
