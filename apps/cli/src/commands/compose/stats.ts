import { observeContainers } from "@berth/compose";
import { atLeast, command } from "../../command.ts";
import { checkServices, findTarget } from "../../compose/engine.ts";
import { asFlags } from "../../compose/select.ts";
import { bool, string } from "../../flags/types.ts";
import stats from "../container/stats.ts";

export default command({
  names: ["compose stats"],
  summary: "Display a live stream of container(s) resource usage statistics",
  usage: "[OPTIONS] [SERVICE]",
  arguments: atLeast(0),
  flags: {
    all: bool("Show those that do not run too", { shorthand: "a" }),
    format: string("How to print: table, table TEMPLATE, json or a template"),
    "no-stream": bool("Show it once"),
    "no-trunc": bool("Show ids in full"),
  },
  async run(context, { values }, services) {
    const target = await findTarget(context, services);
    checkServices(target, services);
    const containers = await observeContainers(await context.client(), target.project.name, {
      all: values.all,
      services,
    });
    if (containers.length === 0) return 0;
    return stats.run(
      context,
      asFlags(values),
      containers.map(({ id }) => id),
    );
  },
});
