import { command, exactly } from "../../command.ts";
import { checkContextName, contextExists, storeContext } from "../../config/store-context.ts";
import { CommandError } from "../../errors.ts";
import { openFile } from "../../io/files.ts";
import { unpackContext } from "./archive.ts";

export default command({
  names: ["context import"],
  summary: "Read a context from a tar archive, or from stdin (-)",
  usage: "CONTEXT FILE|-",
  arguments: exactly(2),
  flags: {},
  completes: ["none", "file", "none"],
  async run(context, _flags, [name, file]) {
    const { folder } = await context.configuration();
    checkContextName(name!);
    if (await contextExists(folder, name!)) throw new CommandError(`context "${name}" already exists`);
    const { stored, tls } = await unpackContext(
      file === "-" ? context.stdin.chunks() : await openFile(file!),
    );
    await storeContext(folder, { ...stored, Name: name! }, tls);
    await context.stdout.write(`${name}\n`);
    await context.stderr.write(`Successfully imported context "${name}"\n`);
  },
});
