import { volumeList } from "@berth/client";
import { LABEL } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { checkServices, findTarget } from "../../compose/engine.ts";
import { bool, string } from "../../flags/types.ts";
import { printRows } from "../../format/rows.ts";

export default command({
  names: ["compose volumes"],
  summary: "List volumes",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    format: string("How to print: table, json or a template", { default: "table" }),
    quiet: bool("Show only names", { shorthand: "q" }),
  },
  async run(context, { values }, services) {
    const target = await findTarget(context, services);
    checkServices(target, services);
    const { Volumes: volumes } = await volumeList(await context.client(), {
      filters: { label: [`${LABEL.project}=${target.project.name}`] },
    });
    const used = new Set(
      services.flatMap((name) => (target.project.services[name]?.volumes ?? []).map(({ source }) => source)),
    );
    const rows = (volumes ?? []).filter(
      (volume) => services.length === 0 || used.has(volume.Labels?.[LABEL.volume] ?? ""),
    );
    if (values.quiet) return context.stdout.write(rows.map(({ Name }) => `${Name}\n`).join(""));
    const { VOLUME_ROW, volumeRow } = await import("../volume/row.ts");
    const format = values.format === "table" ? "table {{.Driver}}\t{{.Name}}" : values.format;
    await printRows(context.stdout, VOLUME_ROW, format, rows.map(volumeRow));
  },
});
