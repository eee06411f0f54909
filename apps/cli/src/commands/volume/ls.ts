import { volumeList } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool, filter, string } from "../../flags/types.ts";
import { FORMAT_HELP } from "../../format/help.ts";
import { naturalCompare } from "../../format/natural-order.ts";
import { printRows } from "../../format/rows.ts";
import { VOLUME_ROW, volumeRow } from "./row.ts";

export default command({
  names: ["volume ls", "volume list"],
  summary: "List volumes",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    cluster: bool("Show only volumes of a swarm", { hidden: true }),
    filter: filter('Show only those that match (such as "dangling=true")', { shorthand: "f" }),
    format: string(FORMAT_HELP),
    quiet: bool("Show only names", { shorthand: "q" }),
  },
  examples: [{ what: "Those that no container uses", words: "volume ls -f dangling=true" }],
  async run(context, { values }) {
    if (values.cluster) throw new CommandError("--cluster: this daemon is no part of a swarm");
    const configured = values.quiet ? undefined : (await context.configuration()).file.volumesFormat;
    const asked = values.format || configured || "table";
    const table = values.quiet ? "{{.Name}}" : "table {{.Driver}}\t{{.Name}}";
    const raw = values.quiet ? "name: {{.Name}}" : "name: {{.Name}}\ndriver: {{.Driver}}\n";
    const format = asked === "table" ? table : asked === "raw" ? raw : asked;
    const { Volumes: volumes } = await volumeList(await context.client(), { filters: values.filter });
    const sorted = [...(volumes ?? [])].sort((a, b) => naturalCompare(a.Name, b.Name));
    await printRows(context.stdout, VOLUME_ROW, format, sorted.map(volumeRow));
  },
});
