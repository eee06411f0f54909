import type { ContainerSummary } from "@berth/api";
import { quote } from "../../format/quote.ts";
import type { RowFields, RowKind } from "../../format/rows.ts";
import { humanSize } from "../../format/sizes.ts";
import { ellipsis, shortId } from "../../format/text.ts";
import { ago, goTime } from "../../format/times.ts";
import { displayPorts } from "./ports.ts";

export const CONTAINER_ROW: RowKind = {
  type: "*formatter.ContainerContext",
  complaints: { parse: "failed to parse template", execute: "failed to execute template" },
  headers: {
    ID: "CONTAINER ID",
    Names: "NAMES",
    Image: "IMAGE",
    Command: "COMMAND",
    CreatedAt: "CREATED AT",
    RunningFor: "CREATED",
    Ports: "PORTS",
    State: "STATE",
    Status: "STATUS",
    Size: "SIZE",
    Labels: "LABELS",
    Mounts: "MOUNTS",
    LocalVolumes: "LOCAL VOLUMES",
    Networks: "NETWORKS",
    Platform: "PLATFORM",
  },
};

/** What the formats of `ps` can name. */
export function containerRow(container: ContainerSummary, truncate: boolean): RowFields {
  const labels = container.Labels ?? {};
  return {
    Command: () => quote(truncate ? ellipsis(container.Command, 20) : container.Command),
    CreatedAt: () => goTime(container.Created),
    ID: truncate ? shortId(container.Id) : container.Id,
    Image: () => imageName(container, truncate),
    Label: (name: string) => (Object.hasOwn(labels, name) ? labels[name] : ""),
    Labels: () =>
      Object.entries(labels)
        .map(([name, value]) => `${name}=${value}`)
        .sort()
        .join(","),
    LocalVolumes: () => String((container.Mounts ?? []).filter((mount) => mount.Driver === "local").length),
    Mounts: () =>
      (container.Mounts ?? [])
        .map((mount) => mount.Name || mount.Source)
        .map((name) => (truncate ? ellipsis(name, 15) : name))
        .join(","),
    Names: () => names(container.Names ?? [], truncate),
    Networks: () =>
      Object.keys(container.NetworkSettings?.Networks ?? {})
        .sort()
        .join(","),
    Platform: null,
    Ports: () => displayPorts(container.Ports ?? []),
    RunningFor: () => ago(container.Created),
    Size: () => {
      const own = humanSize(container.SizeRw ?? 0);
      const all = container.SizeRootFs ?? 0;
      return all > 0 ? `${own} (virtual ${humanSize(all)})` : own;
    },
    State: container.State,
    Status: container.Status,
  };
}

/** Links show as names with a slash inside: without `--no-trunc` only the container's own name counts. */
function names(all: readonly string[], truncate: boolean): string {
  const plain = all.map((name) => name.replace(/^\//, ""));
  const own = plain.find((name) => !name.includes("/"));
  return truncate && own !== undefined ? own : plain.join(",");
}

function imageName(container: ContainerSummary, truncate: boolean): string {
  const { Image: image, ImageID: id = "" } = container;
  if (image === "") return "<no image>";
  if (!truncate) return image;
  if (id !== "" && shortId(id) === shortId(image)) return shortId(id);
  // `name:tag@digest` shows as `name:tag`.
  const at = image.indexOf("@");
  return at > 0 && /:\w[\w.-]{0,127}$/.test(image.slice(0, at)) ? image.slice(0, at) : image;
}
