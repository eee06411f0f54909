import { buildHistory } from "@berth/client";
import { durationOf, nameOf, statusOf } from "../../build/history.ts";
import { command, noArguments } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";
import { alignColumns } from "../../format/columns.ts";
import { ago } from "../../format/times.ts";

const SHORT = 25;

export default command({
  names: ["buildx history ls"],
  summary: "List builds that run and have run, the newest first",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    builder: string("Accepted; there is one builder", { hidden: true }),
    format: string("table, or json: a build a line", { default: "table", values: ["table", "json"] }),
    "no-trunc": bool("Show names of builds in full"),
  },
  async run(context, { values }) {
    if (values.format !== "table" && values.format !== "json")
      throw new CommandError(`ERROR: --format=${values.format} is not supported: table or json`);
    const rows = (await buildHistory(await context.client())).map((record) => ({
      ref: record.ref,
      name: nameOf(record),
      status: statusOf(record),
      created_at: record.createdAt,
      completed_at: record.completedAt,
      total_steps: record.totalSteps,
      completed_steps: record.completedSteps,
      cached_steps: record.cachedSteps,
      duration: durationOf(record),
    }));
    if (values.format === "json") {
      await context.stdout.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
      return;
    }
    const cells = rows.map((row) => [
      values["no-trunc"] ? row.ref : row.ref.slice(0, SHORT),
      row.name,
      row.status,
      ago(Date.parse(row.created_at) / 1000),
      row.duration,
    ]);
    const lines = [["BUILD ID", "NAME", "STATUS", "CREATED AT", "DURATION"], ...cells];
    await context.stdout.write(alignColumns(lines.map((line) => `${line.join("\t")}\n`).join("")));
  },
});
