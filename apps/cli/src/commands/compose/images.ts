import { imageInspect } from "@berth/client";
import { observeContainers } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { checkServices, findTarget } from "../../compose/engine.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";
import { alignColumns } from "../../format/columns.ts";
import { humanSize } from "../../format/sizes.ts";
import { shortId } from "../../format/text.ts";

/** As Compose sets its own tables. */
const COLUMNS = { least: 20, padding: 3 };

export default command({
  names: ["compose images"],
  summary: "List images used by the created containers",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    format: string("How to print: table or json", { default: "table", values: ["table", "json"] }),
    quiet: bool("Show only ids", { shorthand: "q" }),
  },
  async run(context, { values }, services) {
    const target = await findTarget(context, services);
    checkServices(target, services);
    const client = await context.client();
    const containers = await observeContainers(client, target.project.name, { all: true, services });
    const inspected = new Map(
      await Promise.all(
        [...new Set(containers.map(({ summary }) => summary.ImageID))].map(
          async (id) => [id, await imageInspect(client, id)] as const,
        ),
      ),
    );
    const rows = containers.map(({ name, summary }) => {
      const image = inspected.get(summary.ImageID)!;
      const [reference = "<none>:<none>"] = image.RepoTags ?? [];
      const at = reference.lastIndexOf(":");
      return {
        ID: image.Id,
        ContainerName: name,
        Repository: at < 0 ? reference : reference.slice(0, at),
        Tag: at < 0 ? "<none>" : reference.slice(at + 1),
        Size: image.Size,
      };
    });
    if (values.quiet) {
      const ids = new Set(rows.map(({ ID }) => ID.replace(/^sha256:/, "")));
      return context.stdout.write([...ids].map((id) => `${id}\n`).join(""));
    }
    if (values.format === "json") return context.stdout.write(`${JSON.stringify(rows)}\n`);
    if (values.format !== "table") {
      throw new CommandError(
        `format value ${JSON.stringify(values.format)} could not be parsed: parsing failed`,
      );
    }
    const lines = [
      ["CONTAINER", "REPOSITORY", "TAG", "IMAGE ID", "SIZE"],
      ...rows.map((row) => [
        row.ContainerName,
        row.Repository,
        row.Tag,
        shortId(row.ID),
        humanSize(row.Size),
      ]),
    ];
    await context.stdout.write(alignColumns(lines.map((line) => `${line.join("\t")}\n`).join(""), COLUMNS));
  },
});
