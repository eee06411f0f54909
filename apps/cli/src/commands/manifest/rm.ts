import { formatReference } from "@berth/spec";
import { atLeast, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";

export default command({
  names: ["manifest rm"],
  summary: "Forget manifest lists that were made here",
  usage: "MANIFEST_LIST [MANIFEST_LIST...]",
  arguments: atLeast(1),
  flags: {},
  async run(context, _flags, names) {
    const { parseImageName } = await import("../../registry/open.ts");
    const { ListStore } = await import("../../registry/list-store.ts");
    const store = new ListStore((await context.configuration()).folder);
    const missing: string[] = [];
    for (const name of names) {
      const list = parseImageName(name);
      if (!(await store.remove(list))) missing.push(`No such manifest: ${formatReference(list)}`);
    }
    if (missing.length > 0) throw new CommandError(missing.join("\n"));
  },
});
