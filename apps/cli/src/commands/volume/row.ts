import type { Volume } from "@berth/api";
import { joinLabels } from "../../format/labels.ts";
import type { RowFields, RowKind } from "../../format/rows.ts";
import { humanSize4 } from "../../format/sizes.ts";

export const VOLUME_ROW: RowKind = {
  type: "*formatter.volumeContext",
  headers: {
    Name: "VOLUME NAME",
    Driver: "DRIVER",
    Scope: "SCOPE",
    Availability: "AVAILABILITY",
    Mountpoint: "MOUNTPOINT",
    Labels: "LABELS",
    Links: "LINKS",
    Size: "SIZE",
    Group: "GROUP",
    Status: "STATUS",
  },
};

/** What the formats of `volume ls` can name. Group, availability and status are of a swarm's volumes. */
export function volumeRow(volume: Volume): RowFields {
  const { UsageData: usage } = volume;
  return {
    Availability: "N/A",
    Driver: volume.Driver,
    Group: "N/A",
    Label: (name: string) => volume.Labels?.[name] ?? "",
    Labels: () => joinLabels(volume.Labels),
    Links: usage === undefined ? "N/A" : String(usage.RefCount),
    Mountpoint: volume.Mountpoint,
    Name: volume.Name,
    Scope: volume.Scope,
    Size: () => (usage === undefined ? "N/A" : humanSize4(usage.Size)),
    Status: "N/A",
  };
}
