import { containerList } from "@berth/client";
import { LABEL } from "@berth/compose";
import { command, noArguments } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool, filter, string } from "../../flags/types.ts";
import { alignColumns } from "../../format/columns.ts";

interface ProjectRow {
  Name: string;
  Status: string;
  ConfigFiles: string;
}

export default command({
  names: ["compose ls"],
  summary: "List running compose projects",
  usage: "[OPTIONS]",
  arguments: noArguments,
  flags: {
    all: bool("Show those that do not run too", { shorthand: "a" }),
    filter: filter("Show only those that match (name=…)"),
    format: string("How to print: table or json", { default: "table", values: ["table", "json"] }),
    quiet: bool("Show only names", { shorthand: "q" }),
  },
  async run(context, { values }) {
    const containers = await containerList(await context.client(), {
      all: values.all,
      filters: { label: [LABEL.project, LABEL.configHash] },
    });
    const byProject = new Map<string, { states: string[]; files: Set<string> }>();
    for (const { Labels: labels, State: state } of containers) {
      if (labels[LABEL.oneOff] === "True" && !values.all) continue;
      const name = labels[LABEL.project]!;
      const project = byProject.get(name) ?? { states: [], files: new Set() };
      project.states.push(state);
      for (const file of (labels[LABEL.configFiles] ?? "N/A").split(",")) project.files.add(file);
      byProject.set(name, project);
    }
    const patterns = (values.filter.get("name") ?? []).map((pattern) => new RegExp(pattern));
    for (const name of values.filter.keys()) {
      if (name !== "name") throw new CommandError(`unknown filter ${name}`);
    }
    const rows: ProjectRow[] = [...byProject]
      .filter(([name]) => patterns.every((pattern) => pattern.test(name)))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { states, files }]) => ({
        Name: name,
        Status: combined(states),
        ConfigFiles: [...files].join(","),
      }));
    if (values.quiet) return context.stdout.write(rows.map(({ Name }) => `${Name}\n`).join(""));
    if (values.format === "json") return context.stdout.write(`${JSON.stringify(rows)}\n`);
    const lines = [
      ["NAME", "STATUS", "CONFIG FILES"],
      ...rows.map((row) => [row.Name, row.Status, row.ConfigFiles]),
    ];
    await context.stdout.write(
      alignColumns(lines.map((line) => `${line.join("\t")}\n`).join(""), { least: 20, padding: 3 }),
    );
  },
});

/** `exited(1), running(2)` */
function combined(states: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const state of [...states].sort()) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, count]) => `${state}(${count})`).join(", ");
}
