import { atLeast, command } from "../../command.ts";
import { anyContext } from "../../config/any-context.ts";
import { metaFolder, tlsFolder } from "../../config/context-store.ts";
import { contextName } from "../../config/endpoint.ts";
import { string } from "../../flags/types.ts";
import { INSPECT_FORMAT_HELP } from "../../format/help.ts";
import { inspectEach } from "../../inspect-each.ts";

export default command({
  names: ["context inspect"],
  summary: "Show everything about one or more contexts",
  usage: "[OPTIONS] [CONTEXT] [CONTEXT...]",
  arguments: atLeast(0),
  flags: { format: string(INSPECT_FORMAT_HELP, { shorthand: "f" }) },
  completes: ["context"],
  async run(context, { values }, names) {
    const { folder } = await context.configuration();
    const asked = names.length === 0 ? [await contextName(context)] : names;
    await inspectEach(context, asked, values.format, async (name) => {
      const { stored, tls } = await anyContext(context, name);
      const isStored = name !== "default";
      const shown = {
        ...stored,
        TLSMaterial: tls.size === 0 ? {} : { docker: [...tls.keys()] },
        Storage: {
          MetadataPath: isStored ? metaFolder(folder, name) : "<IN MEMORY>",
          TLSPath: isStored ? tlsFolder(folder, name) : "<IN MEMORY>",
        },
      };
      const json = JSON.stringify(shown).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
      return { json, type: "context.contextWithTLSListing" };
    });
  },
});
