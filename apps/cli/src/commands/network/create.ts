import { networkCreate } from "@berth/client";
import { command, exactly } from "../../command.ts";
import { labelsOf } from "../../flags/labels.ts";
import { bool, list, map, optionalBool, string, strings } from "../../flags/types.ts";
import { ipamPools } from "./ipam.ts";

export default command({
  names: ["network create"],
  summary: "Create a network",
  usage: "[OPTIONS] NETWORK",
  arguments: exactly(1),
  flags: {
    attachable: bool("Let containers attach by hand"),
    "aux-address": map("Addresses that the driver uses itself"),
    "config-from": string("Take the configuration of this network", { values: "network" }),
    "config-only": bool("Only hold a configuration"),
    driver: string("Driver", { shorthand: "d", default: "bridge" }),
    gateway: strings("Gateway of a subnet"),
    ingress: bool("The routing mesh of a swarm"),
    internal: bool("No way to the outside"),
    "ip-range": strings("Give containers addresses of this part of a subnet only"),
    "ipam-driver": string("Driver that manages addresses", { default: "default" }),
    "ipam-opt": map("Options for that driver"),
    ipv4: optionalBool("Give IPv4 addresses", { default: true }),
    ipv6: optionalBool("Give IPv6 addresses"),
    label: list("Label"),
    opt: map("Options for the driver", { shorthand: "o" }),
    scope: string("Scope"),
    subnet: strings("Subnet (10.1.0.0/16)"),
  },
  examples: [{ what: "A network of one's own addresses", words: "network create --subnet 10.9.0.0/24 shop" }],
  async run(context, { values }, [name]) {
    const pools = ipamPools({
      subnets: values.subnet,
      ranges: values["ip-range"],
      gateways: values.gateway,
      auxiliary: values["aux-address"],
    });
    const response = await networkCreate(await context.client(), {
      Name: name!,
      Driver: values.driver,
      Scope: values.scope,
      ...(values.ipv4 !== undefined && { EnableIPv4: values.ipv4 }),
      ...(values.ipv6 !== undefined && { EnableIPv6: values.ipv6 }),
      IPAM: {
        Driver: values["ipam-driver"],
        Options: Object.fromEntries(values["ipam-opt"]),
        Config: pools,
      },
      Internal: values.internal,
      Attachable: values.attachable,
      Ingress: values.ingress,
      ConfigOnly: values["config-only"],
      ConfigFrom: values["config-from"] === "" ? null : { Network: values["config-from"] },
      Options: Object.fromEntries(values.opt),
      Labels: labelsOf(values.label),
    });
    if (response.Warning) await context.stderr.write(`WARNING: ${response.Warning}\n`);
    await context.stdout.write(`${response.Id}\n`);
  },
});
