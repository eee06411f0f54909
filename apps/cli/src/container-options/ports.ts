import type { PortBinding } from "@berth/api";
import { isIpAddress } from "./addresses.ts";

export interface PublishedPorts {
  exposed: Record<string, object>;
  bindings: Record<string, PortBinding[]>;
}

/**
 * What `-p` and `--expose` ask: `80`, `8080:80`, `127.0.0.1:8080:80/udp`, `8000-8010:80`, `[::1]:80:80`,
 * `published=8080,target=80,protocol=tcp`.
 * @throws Error in Docker's words.
 */
export function parsePorts(publish: readonly string[], expose: readonly string[]): PublishedPorts {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, PortBinding[]> = {};
  for (const spec of publish.map(fromLongForm)) {
    for (const { port, binding } of parsePublished(spec)) {
      exposed[port] = {};
      bindings[port] = [...(bindings[port] ?? []), binding];
    }
  }
  for (const spec of expose) {
    if (spec.includes(":")) throw new Error(`invalid port format for --expose: ${spec}`);
    const { protocol, port } = splitProtocol(spec);
    let range: [number, number];
    try {
      range = parseRange(port);
    } catch (error) {
      throw new Error(`invalid range format for --expose: ${spec}, error: ${(error as Error).message}`);
    }
    for (let number = range[0]; number <= range[1]; number++) exposed[`${number}/${protocol}`] ??= {};
  }
  return { exposed, bindings };
}

function fromLongForm(spec: string): string {
  if (!spec.includes("=")) return spec;
  const fields: Record<string, string> = { protocol: "tcp" };
  for (const part of spec.split(",")) {
    const at = part.indexOf("=");
    if (at < 1) throw new Error(`invalid publish opts format (should be name=value but got '${part}')`);
    fields[part.slice(0, at)] = part.slice(at + 1);
  }
  return `${fields.published ?? ""}:${fields.target ?? ""}/${fields.protocol}`;
}

const PROTOCOLS = new Set(["tcp", "udp", "sctp"]);

function parsePublished(spec: string): { port: string; binding: PortBinding }[] {
  const parts = spec.split(":");
  const last = parts.pop()!;
  const hostPort = parts.pop() ?? "";
  const address = parts.join(":");
  const { protocol, port } = splitProtocol(last);
  const ip = bareAddress(address);
  if (ip !== "" && !isIpAddress(ip)) throw new Error(`invalid IP address: ${ip}`);
  if (port === "") throw new Error(`no port specified: ${spec}<empty>`);
  const [first, end] = rangeOr(port, `invalid containerPort: ${port}`);
  const [hostFirst, hostEnd] = hostPort === "" ? [0, 0] : rangeOr(hostPort, `invalid hostPort: ${hostPort}`);
  // A range outside for a single port inside: any free one of it.
  const anyOf = first === end && hostFirst !== hostEnd;
  if (hostPort !== "" && end - first !== hostEnd - hostFirst && !anyOf) {
    throw new Error(`invalid ranges specified for container and host Ports: ${port} and ${hostPort}`);
  }
  if (!PROTOCOLS.has(protocol.toLowerCase())) throw new Error(`invalid proto: ${protocol}`);
  const found: { port: string; binding: PortBinding }[] = [];
  for (let number = first; number <= end; number++) {
    const outside = hostPort === "" ? "" : String(hostFirst + number - first);
    found.push({
      port: `${number}/${protocol.toLowerCase()}`,
      binding: { HostIp: ip, HostPort: anyOf ? `${outside}-${hostEnd}` : outside },
    });
  }
  return found;
}

function bareAddress(address: string): string {
  if (address[0] !== "[") return address;
  if (!address.endsWith("]")) {
    throw new Error(`invalid IP address ${address}: address ${address}:: missing ']' in address`);
  }
  return address.slice(1, -1);
}

function splitProtocol(spec: string): { protocol: string; port: string } {
  const [port = "", protocol] = spec.split("/");
  if (port === "") return { protocol: "", port: "" };
  return { protocol: protocol || "tcp", port };
}

function rangeOr(text: string, message: string): [number, number] {
  try {
    return parseRange(text);
  } catch {
    throw new Error(message);
  }
}

function parseRange(text: string): [number, number] {
  if (text === "") throw new Error("empty string specified for ports.");
  const at = text.indexOf("-");
  if (at < 0) {
    const port = parsePort(text);
    return [port, port];
  }
  const first = parsePort(text.slice(0, at));
  const last = parsePort(text.slice(at + 1));
  if (last < first) throw new Error(`invalid range specified for port: ${text}`);
  return [first, last];
}

function parsePort(text: string): number {
  const shown = `strconv.ParseUint: parsing ${JSON.stringify(text)}`;
  if (!/^\d+$/.test(text)) throw new Error(`${shown}: invalid syntax`);
  const port = Number(text);
  if (port > 65535) throw new Error(`${shown}: value out of range`);
  return port;
}
