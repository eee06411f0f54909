import { systemVersion } from "@berth/client";
import { atMost, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { bool, string } from "../../flags/types.ts";

export default command({
  names: ["buildx inspect"],
  summary: "Show the builder",
  usage: "[NAME]",
  arguments: atMost(1),
  flags: {
    bootstrap: bool("Without effect: the builder is there"),
    builder: string("Accepted; there is one builder", { hidden: true }),
  },
  async run(context, _flags, [name = "default"]) {
    if (name !== "default") throw new CommandError(`ERROR: no builder ${JSON.stringify(name)} found`);
    const client = await context.client();
    const { Version, Os, Arch } = await systemVersion(client);
    const fields = [
      ["Name", "default"],
      ["Driver", "docker"],
    ];
    const node = [
      ["Name", "default"],
      ["Endpoint", client.host],
      ["Status", "running"],
      ["BuildKit version", `berth ${Version}`],
      ["Platforms", `${Os}/${Arch}`],
    ];
    const show = (list: string[][]) =>
      list.map(([key, value]) => `${`${key}:`.padEnd(18)}${value}\n`).join("");
    await context.stdout.write(`${show(fields)}\nNodes:\n${show(node)}`);
  },
});
