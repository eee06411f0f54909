import type { ContainerConfig, HostConfig, PortMap } from "@berth/api";
import { invalidParameter } from "@berth/base";
import type { PortRequest } from "@berth/network";

type Protocol = PortRequest["protocol"];

/** `80/tcp`, `80` → port and protocol. @throws invalid-parameter `invalid port specification: "x"`. */
export function parsePort(text: string): { port: number; protocol: Protocol } {
  const [number = "", protocol = "tcp"] = text.split("/");
  const port = parseNumber(number);
  const name = protocol.toLowerCase();
  if (name !== "tcp" && name !== "udp" && name !== "sctp") {
    throw invalidParameter(`invalid proto: ${protocol}`);
  }
  return { port, protocol: name };
}

function parseNumber(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (number < 0 || number > 65535)
    throw invalidParameter(`invalid port specification: ${JSON.stringify(text)}`);
  return number;
}

/** A host port, `8000-8010`, or nothing (any free one: 0 and 0). */
function parseHostPorts(text: string): { first: number; last: number } {
  if (text === "") return { first: 0, last: 0 };
  const at = text.indexOf("-");
  if (at < 0) {
    const port = parseNumber(text);
    return { first: port, last: port };
  }
  const first = parseNumber(text.slice(0, at));
  const last = parseNumber(text.slice(at + 1));
  if (last < first) throw invalidParameter(`invalid port specification: ${JSON.stringify(text)}`);
  return { first, last };
}

/** @throws invalid-parameter for a container or host port that is none. */
export function validatePortBindings(ports: PortMap | null): void {
  for (const [key, bindings] of Object.entries(ports ?? {})) {
    const [number = ""] = key.split("/");
    parseNumber(number);
    for (const binding of bindings ?? []) parseHostPorts(binding.HostPort);
  }
}

/** What a start publishes: the bindings, and with `-P` every exposed port that has none. */
export function portRequests(config: ContainerConfig, host: HostConfig): PortRequest[] {
  const requests: PortRequest[] = [];
  const bound = new Set<string>();
  for (const [key, bindings] of Object.entries(host.PortBindings ?? {})) {
    const { port, protocol } = parsePort(key);
    bound.add(`${port}/${protocol}`);
    // A key without bindings asks for any free port, as an empty binding does.
    for (const binding of bindings?.length ? bindings : [{ HostIp: "", HostPort: "" }]) {
      const { first, last } = parseHostPorts(binding.HostPort);
      requests.push({
        protocol,
        containerPort: port,
        hostAddress: binding.HostIp,
        hostPortFirst: first,
        hostPortLast: last,
      });
    }
  }
  if (host.PublishAllPorts) {
    for (const { port, protocol } of exposedPorts(config)) {
      if (bound.has(`${port}/${protocol}`)) continue;
      requests.push({ protocol, containerPort: port, hostAddress: "", hostPortFirst: 0, hostPortLast: 0 });
    }
  }
  return requests;
}

/** EXPOSE and `--expose`, ranges spread out (`80-82/tcp`); entries that are no ports are left out, as Docker does. */
export function exposedPorts(config: ContainerConfig): { port: number; protocol: Protocol }[] {
  const ports: { port: number; protocol: Protocol }[] = [];
  for (const key of Object.keys(config.ExposedPorts ?? {})) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(key);
    if (!match) continue;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last > 65535) continue;
    const protocol = (match[3]?.toLowerCase() ?? "tcp") as Protocol;
    for (let port = first; port <= last; port++) ports.push({ port, protocol });
  }
  return ports;
}
