import { readFileSync, writeFileSync } from "node:fs";
import { log, messageOf } from "@berth/base";
import type { EndpointResult } from "@berth/network";
import type { EngineContext } from "../context.ts";
import { type Container, isAlive } from "./container.ts";
import { bridgeAddress, linkedPorts, linkingTo, resolveLink } from "./links.ts";
import { DEFAULT_NETWORK, networkMode } from "./network-mode.ts";
import { containerFiles } from "./paths.ts";
import { HOST_GATEWAY, parseExtraHost } from "./validate-host-config.ts";

/*
 * /etc/hostname, /etc/hosts and /etc/resolv.conf of a container: files of the container's folder, bound into it.
 * Written before every start, without a sync: after a power failure the container starts anew anyway.
 */

const LOCAL = `127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
ff00::0	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
`;

export function writeHostFiles(
  engine: EngineContext,
  container: Container,
  endpoints: readonly EndpointResult[],
  resolvConf: string,
): void {
  const files = containerFiles(engine.settings, container.id);
  writeFileSync(files.hostname, `${container.record.config.Hostname}\n`, { mode: 0o644 });
  writeFileSync(files.hosts, hostsFile(engine, container, endpoints), { mode: 0o644 });
  writeFileSync(files.resolvConf, resolvConf, { mode: 0o644 });
}

/** The container's own lines in /etc/hosts change when a network is connected: the file is written in place, it is bound. */
export function rewriteHosts(
  engine: EngineContext,
  container: Container,
  endpoints: readonly EndpointResult[],
): void {
  writeFileSync(containerFiles(engine.settings, container.id).hosts, hostsFile(engine, container, endpoints));
}

export function writeResolvConf(engine: EngineContext, container: Container, content: string): void {
  writeFileSync(containerFiles(engine.settings, container.id).resolvConf, content);
}

function hostsFile(
  engine: EngineContext,
  container: Container,
  endpoints: readonly EndpointResult[],
): string {
  const { config, hostConfig } = container.record;
  const mode = networkMode(config, hostConfig);
  const lines = [mode.kind === "host" ? hostHosts() : LOCAL];
  for (const entry of hostConfig.ExtraHosts ?? []) {
    const { name, address } = parseExtraHost(entry);
    lines.push(`${address === HOST_GATEWAY ? engine.networks.hostGateway() : address}\t${name}\n`);
  }
  if (mode.kind === "networks" && mode.name === DEFAULT_NETWORK) lines.push(...linkLines(engine, container));
  const { Hostname: hostname, Domainname: domain } = config;
  const names = hostNames(hostname, domain);
  if (names !== "" && mode.kind !== "host") {
    for (const endpoint of endpoints) {
      for (const address of [endpoint.ipAddress, endpoint.globalIPv6Address]) {
        if (address !== "") lines.push(`${address}\t${names}\n`);
      }
    }
  }
  return lines.join("");
}

/** The whole name and the first part of it. */
function hostNames(hostname: string, domain: string): string {
  if (domain !== "") return `${hostname}.${domain} ${hostname}`;
  const at = hostname.indexOf(".");
  return at < 0 ? hostname : `${hostname} ${hostname.slice(0, at)}`;
}

function hostHosts(): string {
  try {
    const text = readFileSync("/etc/hosts", "utf8");
    return text.endsWith("\n") ? text : `${text}\n`;
  } catch {
    return LOCAL;
  }
}

/** Containers that run with a legacy link to this one find it where it is now, and may go there. */
export function updateLinking(engine: EngineContext, target: Container): void {
  for (const container of linkingTo(target, engine.containers.all())) {
    const { network } = container.state;
    if (!isAlive(container) || network === undefined) continue;
    try {
      rewriteHosts(engine, container, network.endpoints);
      engine.networks.relink(container.id, linkedPorts(engine, container));
    } catch (error) {
      // Another of its links leads to a container that is gone.
      log.warn("cannot tell a container of a link's new address", {
        container: container.id,
        error: messageOf(error),
      });
    }
  }
}

/** Legacy links on the default bridge: alias, host name and name of the linked container. */
function linkLines(engine: EngineContext, container: Container): string[] {
  return (container.record.hostConfig.Links ?? []).flatMap((text) => {
    const { target, alias } = resolveLink(text, engine.containers);
    const address = bridgeAddress(target);
    if (address === "") return [];
    const names = new Set([alias, target.record.config.Hostname, target.record.name].filter(Boolean));
    return [`${address}\t${[...names].join(" ")}\n`];
  });
}
