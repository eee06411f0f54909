import { networkInspect, networkRemove } from "@berth/client";
import { atLeast, command } from "../../command.ts";
import { confirm } from "../../confirm.ts";
import { describeError } from "../../describe-error.ts";
import { isNotFound } from "../../error-kinds.ts";
import { CommandError } from "../../errors.ts";
import { bool } from "../../flags/types.ts";

const INGRESS =
  "WARNING! Before removing the routing-mesh network, make sure all the nodes in your swarm run the same docker engine version. Otherwise, removal may not be effective and functionality of newly created ingress networks will be impaired.";

export default command({
  names: ["network rm", "network remove"],
  summary: "Remove one or more networks",
  usage: "NETWORK [NETWORK...]",
  arguments: atLeast(1),
  flags: { force: bool("A network that is not there is no failure", { shorthand: "f" }) },
  completes: ["network"],
  async run(context, { values }, names) {
    const client = await context.client();
    let failed = false;
    for (const name of names) {
      try {
        const network = await networkInspect(client, name).catch(() => undefined);
        if (network?.Ingress && !(await confirm(context, INGRESS))) continue;
        await networkRemove(client, name);
        await context.stdout.write(`${name}\n`);
      } catch (error) {
        if (values.force && isNotFound(error)) continue;
        await context.stderr.write(`${describeError(context.program, error)}\n`);
        failed = true;
      }
    }
    if (failed) throw new CommandError("exit status 1");
  },
});
