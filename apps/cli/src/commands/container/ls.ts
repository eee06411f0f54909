import type { ContainerSummary } from "@berth/api";
import { containerList } from "@berth/client";
import { command, noArguments } from "../../command.ts";
import { bool, filter, int, string } from "../../flags/types.ts";
import { FORMAT_HELP } from "../../format/help.ts";
import { printRows, unescapeFormat } from "../../format/rows.ts";
import { CONTAINER_ROW, containerRow } from "./row.ts";

const TABLE = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

export default command({
  names: ["container ls", "container list", "container ps", "ps"],
  summary: "List containers",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    all: bool("Show those that do not run too", { shorthand: "a" }),
    filter: filter("Show only those that match", { shorthand: "f" }),
    format: string(FORMAT_HELP),
    last: int("Show the n newest, running or not", { shorthand: "n", default: -1 }),
    latest: bool("Show the newest, running or not", { shorthand: "l" }),
    "no-trunc": bool("Show everything in full"),
    quiet: bool("Show only ids", { shorthand: "q" }),
    size: bool("Show sizes", { shorthand: "s" }),
  },
  examples: [
    { what: "Names and states of all containers", words: "ps -a --format '{{.Names}}: {{.State}}'" },
    { what: "Those with a label", words: "ps --filter label=project=shop" },
  ],
  async run(context, { values, given }) {
    const asked =
      values.format || (values.quiet ? "" : ((await context.configuration()).file.psFormat ?? ""));
    const format = listFormat(asked || "table", values.quiet, values.size);
    if (values.format !== "") await checkFormat(format);
    const containers = await containerList(await context.client(), {
      all: values.all,
      // A format that shows sizes needs them.
      size: values.size || (!given("size") && /\.Size\b/.test(format)),
      limit: values.latest && values.last === -1 ? 1 : values.last,
      filters: values.filter,
    });
    const rows = containers.map((container) => containerRow(container, !values["no-trunc"]));
    await printRows(context.stdout, CONTAINER_ROW, format, rows);
  },
});

/** A wrong format is refused before anything is asked, also when there is no container to show. */
async function checkFormat(format: string): Promise<void> {
  if (format === "json") return;
  const { checkTemplate } = await import("../../format/row-template.ts");
  const sample = { Id: "", Names: [], Image: "", Command: "", State: "", Status: "", Created: 0 };
  checkTemplate(
    CONTAINER_ROW,
    unescapeFormat(format),
    containerRow(sample as unknown as ContainerSummary, true),
  );
}

function listFormat(format: string, quiet: boolean, size: boolean): string {
  if (format === "raw") {
    if (quiet) return "container_id: {{.ID}}";
    const lines = [
      "container_id: {{.ID}}",
      "image: {{.Image}}",
      "command: {{.Command}}",
      "created_at: {{.CreatedAt}}",
      "state: {{- pad .State 1 0}}",
      "status: {{- pad .Status 1 0}}",
      "names: {{.Names}}",
      "labels: {{- pad .Labels 1 0}}",
      "ports: {{- pad .Ports 1 0}}",
    ];
    return `${[...lines, ...(size ? ["size: {{.Size}}"] : [])].join("\n")}\n`;
  }
  if (quiet) return "{{.ID}}";
  if (format === "table") return TABLE + (size ? "\t{{.Size}}" : "");
  return format.startsWith("table") && size ? `${format}\t{{.Size}}` : format;
}
