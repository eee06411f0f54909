import { LABEL, type ObservedContainer } from "@berth/compose";
import { CONTAINER_ROW, containerRow } from "../commands/container/row.ts";
import type { RowFields, RowKind } from "../format/rows.ts";

export const PROJECT_CONTAINER_ROW: RowKind = {
  ...CONTAINER_ROW,
  headers: {
    ...CONTAINER_ROW.headers,
    Name: "NAME",
    Service: "SERVICE",
    Project: "PROJECT",
    Health: "HEALTH",
    ExitCode: "EXIT CODE",
    Publishers: "PUBLISHERS",
  },
};

/** What the formats of `compose ps` can name: a container's, and its place in the project. */
export function projectContainerRow(container: ObservedContainer, truncate: boolean): RowFields {
  const { summary } = container;
  return {
    ...containerRow(summary, truncate),
    // Compose shows it as the container was told.
    Image: summary.Image,
    Name: container.name,
    Service: container.service,
    Project: summary.Labels?.[LABEL.project] ?? "",
    Health: container.health === "none" ? "" : container.health,
    ExitCode: () => String(/^Exited \((-?\d+)\)/.exec(summary.Status)?.[1] ?? 0),
    Publishers: () => JSON.stringify(publishers(container)),
  };
}

/** Published ports; null when there are none, as Go prints it. */
export function publishers({ summary }: ObservedContainer): object[] | null {
  const ports = summary.Ports ?? [];
  if (ports.length === 0) return null;
  return ports.map((port) => ({
    URL: port.IP ?? "",
    TargetPort: port.PrivatePort,
    PublishedPort: port.PublicPort ?? 0,
    Protocol: port.Type,
  }));
}
