import { containerInspect } from "@berth/client";
import { between, command } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { naturalCompare } from "../../format/natural-order.ts";
import { hostPort } from "./ports.ts";

export default command({
  names: ["container port", "port"],
  summary: "List a container's published ports, or where one is published",
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  arguments: between(1, 2),
  completes: ["running-container", "none"],
  flags: {},
  examples: [{ what: "Where port 80 can be reached", words: "port web 80" }],
  async run(context, _flags, [name = "", asked]) {
    const { NetworkSettings } = await containerInspect(await context.client(), name);
    const ports = NetworkSettings.Ports ?? {};
    const addresses = (port: string) =>
      (ports[port] ?? []).map(({ HostIp, HostPort }) => hostPort(HostIp, HostPort)).sort(naturalCompare);
    if (asked === undefined) {
      const lines = Object.keys(ports)
        .sort(naturalCompare)
        .flatMap((port) => addresses(port).map((address) => `${port} -> ${address}\n`));
      await context.stdout.write(lines.join(""));
      return;
    }
    const [number, protocol = "tcp"] = asked.split("/", 2);
    if (!/^\d{1,5}$/.test(number ?? "") || Number(number) > 65535) {
      throw new CommandError(
        `Error: invalid port (${number}): strconv.ParseUint: parsing ${JSON.stringify(number)}: invalid syntax`,
      );
    }
    const port = `${number}/${protocol}`;
    if (!ports[port]?.length) {
      throw new CommandError(`Error: No public port '${asked}' published for ${name}`);
    }
    await context.stdout.write(`${addresses(port).join("\n")}\n`);
  },
});
