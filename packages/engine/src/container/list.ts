import type { ContainerSummary, Filters, PortSummary } from "@berth/api";
import { ZERO_TIME } from "@berth/base";
import type { EngineContext } from "../context.ts";
import { type Container, statusOf } from "./container.ts";
import { humanDuration } from "./human-duration.ts";
import { endpointsByName, mountPoints } from "./inspect.ts";
import { compileFilters } from "./list-filters.ts";
import { exposedPorts } from "./ports.ts";
import { containerSizes } from "./size.ts";

export interface ListOptions {
  all: boolean;
  /** 0: no limit; above 0 it implies `all`. */
  limit: number;
  size: boolean;
  filters: Filters;
}

/** Newest first. @throws invalid-parameter for a filter's value. */
export async function listContainers(
  engine: EngineContext,
  options: ListOptions,
): Promise<ContainerSummary[]> {
  const matches = compileFilters(engine, options.filters);
  const all = options.all || options.limit > 0 || options.filters.has("status");
  const containers = [...engine.containers.all()]
    .filter((container) => (all || container.state.running) && !container.record.incomplete)
    .sort((a, b) => (a.record.created < b.record.created ? 1 : -1));
  const found: Container[] = [];
  for (const container of containers) {
    if (options.limit > 0 && found.length >= options.limit) break;
    if (matches(container)) found.push(container);
  }
  return Promise.all(found.map((container) => summarise(engine, container, options.size)));
}

/** @param size compute SizeRw and SizeRootFs */
export async function summarise(
  engine: EngineContext,
  container: Container,
  size: boolean,
): Promise<ContainerSummary> {
  const { record, state } = container;
  const sizes = size ? await containerSizes(engine, container) : undefined;
  return {
    Id: container.id,
    Names: names(engine, container),
    Image: shownImage(engine, container),
    ImageID: record.imageId,
    Command: [record.path, ...record.args].map(quoted).join(" "),
    Created: Math.floor(Date.parse(record.created) / 1000),
    Ports: portSummaries(container),
    ...(sizes ? { SizeRw: sizes.writable, SizeRootFs: sizes.rootfs } : {}),
    Labels: record.config.Labels ?? {},
    State: statusOf(state),
    Status: statusText(container),
    HostConfig: {
      NetworkMode: record.hostConfig.NetworkMode,
      ...(record.hostConfig.Annotations ? { Annotations: record.hostConfig.Annotations } : {}),
    },
    NetworkSettings: { Networks: endpointsByName(container) },
    Mounts: mountPoints(container),
  };
}

/** A container's own name, and the names that other containers' links gave to it. */
function names(engine: EngineContext, container: Container): string[] {
  const found = [`/${container.record.name}`];
  for (const other of engine.containers.all()) {
    for (const link of other.record.hostConfig.Links ?? []) {
      const [target = "", alias = target] = link.split(":");
      const bare = target.replace(/^\//, "");
      if (bare === container.record.name || (bare !== "" && container.id.startsWith(bare))) {
        found.push(`/${other.record.name}/${alias.slice(alias.lastIndexOf("/") + 1)}`);
      }
    }
  }
  return found;
}

/** The name that was asked, as long as it still means the image that the container was made from. */
function shownImage(engine: EngineContext, container: Container): string {
  const { imageId, config } = container.record;
  try {
    if (config.Image !== "" && engine.images.resolve(config.Image).id !== imageId) return imageId;
    return config.Image;
  } catch {
    return imageId;
  }
}

/** Docker quotes an argument that holds a space. */
function quoted(word: string): string {
  return /\s/.test(word) ? `'${word}'` : word;
}

/** `Up 2 seconds (healthy)`, `Exited (0) 5 minutes ago`, `Created`. */
export function statusText(container: Container, now = Date.now()): string {
  const { state } = container;
  const since = (time: string) => humanDuration(Math.max(0, now - Date.parse(time)) / 1000);
  if (state.running) {
    if (state.paused) return `Up ${since(state.startedAt)} (Paused)`;
    if (state.restarting) return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`;
    const health = state.health?.Status;
    const suffix =
      health === undefined || health === "none"
        ? ""
        : ` (${health === "starting" ? "health: starting" : health})`;
    return `Up ${since(state.startedAt)}${suffix}`;
  }
  if (state.removing) return "Removal In Progress";
  if (state.dead) return "Dead";
  if (state.startedAt === ZERO_TIME && state.finishedAt === ZERO_TIME) return "Created";
  if (state.finishedAt === ZERO_TIME) return statusOf(state) === "created" ? "Created" : "";
  return `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`;
}

/** One entry for each published address, and one for each exposed port that is not published. */
export function portSummaries(container: Container): PortSummary[] {
  const published = container.state.network?.ports ?? {};
  const summaries: PortSummary[] = [];
  const keys = new Set([
    ...Object.keys(published),
    // Exposed ports are shown only while it runs.
    ...(container.state.network
      ? exposedPorts(container.record.config).map(({ port, protocol }) => `${port}/${protocol}`)
      : []),
  ]);
  for (const key of keys) {
    const [port = "", type = "tcp"] = key.split("/");
    const bindings = published[key];
    if (!bindings?.length) summaries.push({ PrivatePort: Number(port), Type: type });
    for (const { HostIp, HostPort } of bindings ?? []) {
      summaries.push({
        ...(HostIp === "" ? {} : { IP: HostIp }),
        PrivatePort: Number(port),
        PublicPort: Number(HostPort),
        Type: type,
      });
    }
  }
  return summaries;
}
