import { networkDisconnect } from "@berth/client";
import { command, exactly } from "../../command.ts";
import { bool } from "../../flags/types.ts";

export default command({
  names: ["network disconnect"],
  summary: "Disconnect a container from a network",
  usage: "[OPTIONS] NETWORK CONTAINER",
  arguments: exactly(2),
  flags: { force: bool("Even when the container cannot be told", { shorthand: "f" }) },
  completes: ["network", "container", "none"],
  async run(context, { values }, [network, container]) {
    await networkDisconnect(await context.client(), network!, { Container: container!, Force: values.force });
  },
});
