import { command, exactly } from "../../command.ts";
import { selectContainer } from "../../compose/select.ts";
import { CommandError } from "../../errors.ts";
import { int, string } from "../../flags/types.ts";
import { hostPort } from "../container/ports.ts";

export default command({
  names: ["compose port"],
  summary: "Print the public port for a port binding",
  usage: "[OPTIONS] SERVICE PRIVATE_PORT",
  arguments: exactly(2),
  flags: {
    index: int("Number of the container, if the service has several"),
    protocol: string("tcp or udp", { default: "tcp", values: ["tcp", "udp"] }),
  },
  async run(context, { values }, [service = "", port = ""]) {
    if (!/^\d+$/.test(port))
      throw new CommandError(`strconv.ParseUint: parsing ${JSON.stringify(port)}: invalid syntax`);
    const { container } = await selectContainer(context, service, values.index, { running: true });
    const protocol = values.protocol.toLowerCase();
    const ports = container.summary.Ports ?? [];
    const found = ports.find(
      (each) => each.PrivatePort === Number(port) && each.Type === protocol && each.PublicPort,
    );
    if (found !== undefined) {
      return context.stdout.write(`${hostPort(found.IP ?? "0.0.0.0", String(found.PublicPort))}\n`);
    }
    const others = ports.map((each) => `${each.PublicPort ?? 0}/${each.Type}`).join(", ");
    throw new CommandError(`no port ${port}/${protocol} for container ${container.name}: ${others}`);
  },
});
