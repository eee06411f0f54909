import { conflict, invalidParameter, isKind } from "@berth/base";
import type { LinkedPort } from "@berth/network";
import type { EngineContext } from "../context.ts";
import { type Container, isAlive } from "./container.ts";
import { DEFAULT_NETWORK, networkMode } from "./network-mode.ts";
import { exposedPorts } from "./ports.ts";
import type { ContainerStore } from "./store.ts";

export interface Link {
  /** As written: name or id. */
  container: string;
  alias: string;
}

/** `name:alias`, `name`, or `/name:/other/alias` as inspect shows it. @throws invalid-parameter. */
export function parseLink(text: string): Link {
  const parts = text.split(":");
  if (parts.length > 2) throw invalidParameter(`bad format for links: ${text}`);
  const [container = "", alias = container] = parts;
  return {
    container: container.startsWith("/") ? container.slice(1) : container,
    alias: alias.slice(alias.lastIndexOf("/") + 1),
  };
}

/** @throws invalid-parameter `could not get container for x: …`. */
export function resolveLink(text: string, containers: ContainerStore): { target: Container; alias: string } {
  const link = parseLink(text);
  if (link.container === "") {
    throw invalidParameter(`could not get container for : invalid name or ID supplied: ""`);
  }
  try {
    return { target: containers.get(link.container), alias: link.alias };
  } catch (error) {
    if (!isKind(error, "not-found")) throw error;
    throw invalidParameter(`could not get container for ${link.container}: ${error.message}`);
  }
}

/** Legacy links of a container on the default bridge, before it starts. @throws conflict with Docker's sentences, invalid-parameter. */
export function checkLinks(engine: EngineContext, container: Container): void {
  for (const text of container.record.hostConfig.Links ?? []) {
    const { target, alias } = resolveLink(text, engine.containers);
    if (!isAlive(target)) {
      throw conflict(
        `Cannot link to a non running container: /${target.record.name} AS /${container.record.name}/${alias}`,
      );
    }
    if (bridgeAddress(target) === "") {
      throw conflict(`Cannot link to /${target.record.name}, as it does not belong to the default network`);
    }
  }
}

/** The ports that the container's legacy links lead to, as far as those containers run. @throws invalid-parameter. */
export function linkedPorts(engine: EngineContext, { record }: Container): LinkedPort[] {
  const mode = networkMode(record.config, record.hostConfig);
  if (mode.kind !== "networks" || mode.name !== DEFAULT_NETWORK) return [];
  return (record.hostConfig.Links ?? []).flatMap((text) => {
    const { target } = resolveLink(text, engine.containers);
    const address = bridgeAddress(target);
    return address === "" ? [] : exposedPorts(target.record.config).map((port) => ({ ...port, address }));
  });
}

/** The containers whose legacy links lead to this one, by its name, its id or the beginning of it. */
export function* linkingTo(target: Container, containers: Iterable<Container>): Generator<Container> {
  for (const container of containers) {
    const links = container.record.hostConfig.Links ?? [];
    if (container !== target && links.some((text) => leadsTo(text, target))) yield container;
  }
}

function leadsTo(text: string, { id, record }: Container): boolean {
  const { container } = parseLink(text);
  return container === record.name || (container !== "" && id.startsWith(container));
}

/** A container has another name: links that are written with the old one follow it. */
export function renameLinks(engine: EngineContext, oldName: string, name: string): void {
  for (const container of engine.containers.all()) {
    const { record } = container;
    const links = record.hostConfig.Links ?? [];
    if (!links.some((text) => parseLink(text).container === oldName)) continue;
    const Links = links.map((text) => {
      const link = parseLink(text);
      return link.container === oldName ? `${name}:${link.alias}` : text;
    });
    container.record = { ...record, hostConfig: { ...record.hostConfig, Links } };
    engine.containers.saveRecord(container);
  }
}

/** Address of a container on the default bridge; empty when it has none. */
export function bridgeAddress(container: Container): string {
  return (
    container.state.network?.endpoints.find((endpoint) => endpoint.networkName === "bridge")?.ipAddress ?? ""
  );
}

/**
 * The variables that a legacy link gives: `ALIAS_NAME`, `ALIAS_PORT…` for the linked container's exposed ports,
 * `ALIAS_ENV_…` for its environment.
 */
export function linkEnvironment(parent: string, alias: string, target: Container): string[] {
  const prefix = alias.replaceAll("-", "_").toUpperCase();
  const address = bridgeAddress(target);
  const ports = exposedPorts(target.record.config).sort(
    (a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1),
  );
  const env: string[] = [];
  const [first] = ports;
  if (first) env.push(`${prefix}_PORT=${first.protocol}://${address}:${first.port}`);
  for (const { port, protocol } of ports) {
    const name = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    env.push(
      `${name}=${protocol}://${address}:${port}`,
      `${name}_ADDR=${address}`,
      `${name}_PORT=${port}`,
      `${name}_PROTO=${protocol}`,
    );
  }
  env.push(`${prefix}_NAME=/${parent}/${alias}`);
  for (const entry of target.record.config.Env ?? []) {
    const at = entry.indexOf("=");
    if (at <= 0 || ["HOME", "PATH"].includes(entry.slice(0, at))) continue;
    env.push(`${prefix}_ENV_${entry.slice(0, at)}=${entry.slice(at + 1)}`);
  }
  return env;
}
