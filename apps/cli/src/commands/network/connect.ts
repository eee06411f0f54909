import { networkConnect } from "@berth/client";
import { command, exactly } from "../../command.ts";
import { CommandError } from "../../errors.ts";
import { int, list, string, strings } from "../../flags/types.ts";

export default command({
  names: ["network connect"],
  summary: "Connect a container to a network",
  usage: "[OPTIONS] NETWORK CONTAINER",
  arguments: exactly(2),
  flags: {
    alias: strings("Further name of the container in the network"),
    "driver-opt": strings("Option for the network's driver"),
    "gw-priority": int("The network with the highest gives the default gateway"),
    ip: string("IPv4 address"),
    ip6: string("IPv6 address"),
    link: list("Name for another container"),
    "link-local-ip": strings("Link-local address"),
  },
  completes: ["network", "container", "none"],
  examples: [{ what: "By another name there", words: "network connect --alias cache backend redis" }],
  async run(context, { values }, [network, container]) {
    const options = values["driver-opt"].map((text) => {
      const at = text.indexOf("=");
      if (at < 0) throw new CommandError(`invalid key/value pair format in driver options`);
      return [text.slice(0, at).trim(), text.slice(at + 1).trim()] as const;
    });
    await networkConnect(await context.client(), network!, {
      Container: container!,
      EndpointConfig: {
        IPAMConfig: {
          ...(values.ip !== "" && { IPv4Address: values.ip }),
          ...(values.ip6 !== "" && { IPv6Address: values.ip6 }),
          ...(values["link-local-ip"].length > 0 && { LinkLocalIPs: values["link-local-ip"] }),
        },
        Links: values.link,
        Aliases: values.alias,
        DriverOpts: Object.fromEntries(options),
        GwPriority: values["gw-priority"],
        MacAddress: "",
        NetworkID: "",
        EndpointID: "",
        Gateway: "",
        IPAddress: "",
        IPPrefixLen: 0,
        IPv6Gateway: "",
        GlobalIPv6Address: "",
        GlobalIPv6PrefixLen: 0,
        DNSNames: null,
      },
    });
  },
});
