import { between, command } from "../../command.ts";
import { anyContext } from "../../config/any-context.ts";
import { checkContextName } from "../../config/store-context.ts";
import { CommandError } from "../../errors.ts";
import { fileError } from "../../io/files.ts";
import { packContext } from "./archive.ts";

export default command({
  names: ["context export"],
  summary: "Write a context to a tar archive, or to stdout (-)",
  usage: "[OPTIONS] CONTEXT [FILE|-]",
  arguments: between(1, 2),
  flags: {},
  completes: ["context", "file", "none"],
  async run(context, _flags, [name, file]) {
    if (name !== "default") checkContextName(name!);
    const path = file ?? `${name}.dockercontext`;
    if (path === "-" && (await context.isTerminal(1))) {
      throw new CommandError("cowardly refusing to export to a terminal, specify a file path");
    }
    const { stored, tls } = await anyContext(context, name!);
    const tar = packContext(stored, tls);
    if (path === "-") return context.stdout.write(tar);
    const { writeFile } = await import("node:fs/promises");
    try {
      // It may hold keys; and a file that is there may be another's.
      await writeFile(path, tar, { mode: 0o600, flag: "wx", flush: true });
    } catch (error) {
      throw fileError("open", path, error);
    }
    await context.stderr.write(`Written file "${path}"\n`);
  },
});
