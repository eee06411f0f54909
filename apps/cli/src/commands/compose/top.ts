import { containerTop } from "@berth/client";
import { observeContainers } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { checkServices, findTarget } from "../../compose/engine.ts";
import { alignColumns } from "../../format/columns.ts";

export default command({
  names: ["compose top"],
  summary: "Display the running processes",
  usage: "[SERVICES...]",
  arguments: atLeast(0),
  flags: {},
  async run(context, _flags, services) {
    const target = await findTarget(context, services);
    checkServices(target, services);
    const client = await context.client();
    const containers = await observeContainers(client, target.project.name, { services });
    const tops = await Promise.all(containers.map(({ id }) => containerTop(client, id)));
    for (const [at, top] of tops.entries()) {
      const cells = [top.Titles, ...top.Processes].map((row) => `${row.join("\t")}\t\n`).join("");
      const table = alignColumns(cells, { least: 4, padding: 3 }).replace(/^[^\n]*/, (head) =>
        head.trimEnd(),
      );
      await context.stdout.write(`${containers[at]!.name}\n${table}\n`);
    }
  },
});
