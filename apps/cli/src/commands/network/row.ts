import type { NetworkInspect } from "@berth/api";
import { joinLabels } from "../../format/labels.ts";
import type { RowFields, RowKind } from "../../format/rows.ts";
import { shortId } from "../../format/text.ts";
import { goTimeOfRfc3339 } from "../../format/times.ts";

export const NETWORK_ROW: RowKind = {
  type: "*network.networkContext",
  headers: {
    ID: "NETWORK ID",
    Name: "NAME",
    Driver: "DRIVER",
    Scope: "SCOPE",
    IPv4: "IPV4",
    IPv6: "IPV6",
    Internal: "INTERNAL",
    Labels: "LABELS",
    CreatedAt: "CREATED AT",
  },
};

/** What the formats of `network ls` can name. */
export function networkRow(network: NetworkInspect, truncate: boolean): RowFields {
  return {
    CreatedAt: () => goTimeOfRfc3339(network.Created),
    Driver: network.Driver,
    ID: truncate ? shortId(network.Id) : network.Id,
    // A daemon that does not tell cannot switch it off.
    IPv4: String(network.EnableIPv4 ?? false),
    IPv6: String(network.EnableIPv6),
    Internal: String(network.Internal),
    Label: (name: string) => network.Labels?.[name] ?? "",
    Labels: () => joinLabels(network.Labels),
    Name: network.Name,
    Scope: network.Scope,
  };
}
