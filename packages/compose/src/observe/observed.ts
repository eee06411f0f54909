/** What of a project is there, as one look at the daemon shows it. */
import type { ContainerStatus, ContainerSummary, NetworkInspect, Volume } from "@berth/api";
import { LABEL } from "../labels.ts";

export interface ObservedContainer {
  id: string;
  /** Without the leading slash. */
  name: string;
  service: string;
  /** From 1. */
  number: number;
  oneOff: boolean;
  state: ContainerStatus;
  health: "none" | "starting" | "healthy" | "unhealthy";
  /** Absent in containers of docker-compose 1.x below 1.3 and of other tools. */
  configHash: string;
  /** The image it was made from. */
  imageId: string;
  imageName: string;
  /** Id or name of the container in whose place it was made. */
  replaces: string | undefined;
  summary: ContainerSummary;
}

export interface ObservedProject {
  name: string;
  /** One-off containers too. */
  containers: ObservedContainer[];
  networks: NetworkInspect[];
  volumes: Volume[];
}

/** The container's health as its status line says it: `Up 2 seconds (healthy)`. */
function healthOf(status: string): ObservedContainer["health"] {
  if (status.includes("(healthy)")) return "healthy";
  if (status.includes("(unhealthy)")) return "unhealthy";
  return status.includes("(health: starting)") ? "starting" : "none";
}

export function observedContainer(summary: ContainerSummary): ObservedContainer {
  const labels = summary.Labels ?? {};
  // The shortest: others are those of links.
  const names = (summary.Names ?? []).map((name) => name.replace(/^\//, ""));
  return {
    id: summary.Id,
    name: names.find((name) => !name.includes("/")) ?? names[0] ?? summary.Id.slice(0, 12),
    service: labels[LABEL.service] ?? "",
    number: Number.parseInt(labels[LABEL.number] ?? "1", 10) || 1,
    oneOff: labels[LABEL.oneOff] === "True",
    state: summary.State,
    health: healthOf(summary.Status),
    configHash: labels[LABEL.configHash] ?? "",
    imageId: labels[LABEL.image] ?? summary.ImageID,
    imageName: summary.Image,
    replaces: labels[LABEL.replace],
    summary,
  };
}
