import { command, exactly } from "../../command.ts";
import { asFlags, selectContainer } from "../../compose/select.ts";
import { bool, int, string } from "../../flags/types.ts";
import attach from "../container/attach.ts";

export default command({
  names: ["compose attach"],
  summary: "Attach local standard input, output, and error streams to a service's running container",
  usage: "[OPTIONS] SERVICE",
  arguments: exactly(1),
  flags: {
    "detach-keys": string("Keys that leave it running (ctrl-p,ctrl-q)"),
    index: int("Number of the container, if the service has several"),
    "no-stdin": bool("Do not connect stdin"),
    "sig-proxy": bool("Pass signals that we get on to it", { default: true }),
  },
  async run(context, { values }, [service = ""]) {
    const { container } = await selectContainer(context, service, values.index, { running: true });
    return attach.run(context, asFlags(values), [container.id]);
  },
});
