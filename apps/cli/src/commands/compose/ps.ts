import { type ObservedContainer, observeContainers } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { findTarget } from "../../compose/engine.ts";
import { PROJECT_CONTAINER_ROW, projectContainerRow, publishers } from "../../compose/ps-row.ts";
import { CommandError } from "../../errors.ts";
import { bool, list, string } from "../../flags/types.ts";
import { printRows } from "../../format/rows.ts";

const TABLE =
  "table {{.Name}}\t{{.Image}}\t{{.Command}}\t{{.Service}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}";
const STATES = ["paused", "restarting", "removing", "running", "dead", "created", "exited"];

export default command({
  names: ["compose ps"],
  summary: "List containers",
  usage: "[OPTIONS] [SERVICE...]",
  arguments: atLeast(0),
  flags: {
    all: bool("Show those that do not run, and those of the run command, too", { shorthand: "a" }),
    filter: string("Show only those with a property (status=…)"),
    format: string("How to print: table, table TEMPLATE, json or a template", { default: "table" }),
    "no-trunc": bool("Show everything in full"),
    orphans: bool("Show those of services that the file no longer has", { default: true }),
    quiet: bool("Show only ids", { shorthand: "q" }),
    services: bool("Show services"),
    status: list(`Show only those in this state (${STATES.join("|")})`, {
      type: "stringArray",
      values: STATES,
    }),
  },
  async run(context, { values }, services) {
    const states = [...values.status];
    if (values.filter !== "") {
      const [name, value = ""] = values.filter.split("=");
      if (name === "source")
        throw new CommandError(
          "source filter is not supported: containers of other tools are not the project's",
        );
      if (name !== "status") throw new CommandError(`unknown filter ${name}`);
      states.push(value);
    }
    const client = context.client();
    const target = await findTarget(context, services);
    const known = new Set(Object.keys(target.project.services));
    for (const name of services) {
      if (!known.has(name) && target.isLoaded) throw new CommandError(`no such service: ${name}`);
    }
    const all = values.all || states.length > 0;
    const containers = (
      await observeContainers(await client, target.project.name, {
        all,
        services,
        oneOff: values.all ? "include" : "exclude",
      })
    ).filter(
      (each) =>
        (states.length === 0 || states.includes(each.state)) && (values.orphans || known.has(each.service)),
    );
    if (values.quiet) return context.stdout.write(containers.map(({ id }) => `${id}\n`).join(""));
    if (values.services) {
      const names = [...new Set(containers.map(({ service }) => service))];
      return context.stdout.write(names.map((name) => `${name}\n`).join(""));
    }
    const truncate = !values["no-trunc"];
    if (values.format === "json") {
      const codes = await exitCodes(context, containers);
      return context.stdout.write(
        containers
          .map((each) => `${JSON.stringify(jsonRow(each, truncate, codes.get(each.id) ?? 0))}\n`)
          .join("")
          .replaceAll("<", "\\u003c")
          .replaceAll(">", "\\u003e")
          .replaceAll("&", "\\u0026"),
      );
    }
    const format = values.format === "table" ? TABLE : values.format === "pretty" ? TABLE : values.format;
    await printRows(
      context.stdout,
      PROJECT_CONTAINER_ROW,
      format,
      containers.map((each) => projectContainerRow(each, truncate)),
    );
  },
});

/** Exit codes are told by status lines: `Exited (3) 2 minutes ago`. */
async function exitCodes(
  _context: unknown,
  containers: readonly ObservedContainer[],
): Promise<Map<string, number>> {
  return new Map(
    containers.map(({ id, summary }) => [
      id,
      Number(/^(?:Exited|Restarting) \((-?\d+)\)/.exec(summary.Status)?.[1] ?? 0),
    ]),
  );
}

function jsonRow(container: ObservedContainer, truncate: boolean, exitCode: number): Record<string, unknown> {
  const row = projectContainerRow(container, truncate);
  const text = (name: string) => {
    const value = row[name];
    return typeof value === "function" ? (value as () => string)() : value;
  };
  return {
    Command: text("Command"),
    CreatedAt: text("CreatedAt"),
    ExitCode: exitCode,
    Health: text("Health"),
    ID: text("ID"),
    Image: text("Image"),
    Labels: text("Labels"),
    LocalVolumes: text("LocalVolumes"),
    Mounts: text("Mounts"),
    Name: text("Name"),
    Names: text("Names"),
    Networks: text("Networks"),
    Ports: text("Ports"),
    Project: text("Project"),
    Publishers: publishers(container),
    RunningFor: text("RunningFor"),
    Service: text("Service"),
    Size: text("Size"),
    State: text("State"),
    Status: text("Status"),
  };
}
