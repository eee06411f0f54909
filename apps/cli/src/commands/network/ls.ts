import { networkList } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import { bool, filter, string } from "../../flags/types.ts";
import { FORMAT_HELP } from "../../format/help.ts";
import { naturalCompare } from "../../format/natural-order.ts";
import { printRows } from "../../format/rows.ts";
import { NETWORK_ROW, networkRow } from "./row.ts";

const TABLE = "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}";
const RAW = "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n";

export default command({
  names: ["network ls", "network list"],
  summary: "List networks",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    filter: filter('Show only those that match (such as "driver=bridge")', { shorthand: "f" }),
    format: string(FORMAT_HELP),
    "no-trunc": bool("Show ids in full"),
    quiet: bool("Show only ids", { shorthand: "q" }),
  },
  async run(context, { values }) {
    const configured = values.quiet ? undefined : (await context.configuration()).file.networksFormat;
    const asked = values.format || configured || "table";
    const table = values.quiet ? "{{.ID}}" : TABLE;
    const raw = values.quiet ? "network_id: {{.ID}}" : RAW;
    const format = asked === "table" ? table : asked === "raw" ? raw : asked;
    const networks = await networkList(await context.client(), { filters: values.filter });
    networks.sort((a, b) => naturalCompare(a.Name, b.Name));
    const rows = networks.map((network) => networkRow(network, !values["no-trunc"]));
    await printRows(context.stdout, NETWORK_ROW, format, rows);
  },
});
