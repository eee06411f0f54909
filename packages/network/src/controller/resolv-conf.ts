import { readFileSync } from "node:fs";
import { isLoopback, parseAddress } from "../address/ip.ts";
import { EMBEDDED_DNS_ADDRESS } from "../dns/server.ts";

/** A resolv.conf(5), as far as it matters here. */
export interface ResolvConf {
  text: string;
  servers: string[];
  search: string[];
  options: string[];
}

const PATH = "/etc/resolv.conf";
/** Where systemd-resolved keeps the servers behind its own 127.0.0.53. */
const SYSTEMD_PATH = "/run/systemd/resolve/resolv.conf";
const STUB = "127.0.0.53";
/** Docker's choice for hosts that name no usable server. */
const FALLBACK = { 4: ["8.8.8.8", "8.8.4.4"], 6: ["2001:4860:4860::8888", "2001:4860:4860::8844"] };

export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  const options: string[] = [];
  let search: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "nameserver" && values[0] !== undefined) servers.push(values[0]);
    else if (keyword === "search" || keyword === "domain") search = values;
    else if (keyword === "options") options.push(...values);
  }
  return { text, servers, search, options };
}

function readConf(path: string): ResolvConf {
  try {
    return parseResolvConf(readFileSync(path, "utf8"));
  } catch {
    return parseResolvConf("");
  }
}

/** The host's own. */
export function hostResolvConf(): ResolvConf {
  return readConf(PATH);
}

/** The host's, for use in other network namespaces: the servers behind a local stub. */
function portableResolvConf(): ResolvConf {
  const conf = hostResolvConf();
  return conf.servers.length === 1 && conf.servers[0] === STUB ? readConf(SYSTEMD_PATH) : conf;
}

export interface DnsRequest {
  servers: readonly string[];
  search: readonly string[];
  options: readonly string[];
}

/** What /etc/resolv.conf of a container in the host's network says. */
export function hostModeContent(request: DnsRequest, host = hostResolvConf()): string {
  if (!isAsked(request)) return host.text;
  return format(
    pick(request.servers, host.servers),
    pick(request.search, host.search),
    pick(request.options, host.options),
  );
}

/** For containers without the embedded server: the host's without servers on loopback, which are out of reach. */
export function plainContent(request: DnsRequest, ipv6: boolean, host = portableResolvConf()): string {
  const usable = (text: string) => {
    const address = parseAddress(text.split("%")[0] ?? "");
    return address !== undefined && !isLoopback(address) && (ipv6 || address.family === 4);
  };
  const servers = host.servers.filter(usable);
  const fallback = servers.length > 0 ? servers : [...FALLBACK[4], ...(ipv6 ? FALLBACK[6] : [])];
  if (isAsked(request)) {
    return format(
      pick(request.servers, fallback),
      pick(request.search, host.search),
      pick(request.options, host.options),
    );
  }
  const kept = host.text
    .split("\n")
    .filter((line) => {
      const [keyword, server] = line.trim().split(/\s+/);
      return keyword !== "nameserver" || server === undefined || usable(server);
    })
    .join("\n");
  if (servers.length > 0) return kept;
  const before = kept === "" || kept.endsWith("\n") ? kept : `${kept}\n`;
  return before + fallback.map((server) => `nameserver ${server}\n`).join("");
}

/** For containers of user-defined networks. */
export function embeddedContent(request: DnsRequest, host = hostResolvConf()): string {
  const options = [...pick(request.options, host.options)];
  if (!options.some((option) => option.startsWith("ndots:"))) options.push("ndots:0");
  return format([EMBEDDED_DNS_ADDRESS], pick(request.search, host.search), options);
}

/** Servers that the embedded one asks. */
export function upstreamServers(request: DnsRequest, host = hostResolvConf()): string[] {
  const servers = pick(request.servers, host.servers).filter((text) => parseAddress(text) !== undefined);
  return servers.length > 0 ? [...servers] : FALLBACK[4];
}

function isAsked(request: DnsRequest): boolean {
  return request.servers.length > 0 || request.search.length > 0 || request.options.length > 0;
}

function pick(asked: readonly string[], host: readonly string[]): readonly string[] {
  return asked.length > 0 ? asked : host;
}

function format(servers: readonly string[], search: readonly string[], options: readonly string[]): string {
  // A lone dot says: no search domains.
  const domains = search.length === 1 && search[0] === "." ? [] : search;
  let text = domains.length > 0 ? `search ${domains.join(" ")}\n` : "";
  for (const server of servers) text += `nameserver ${server}\n`;
  if (options.length > 0) text += `options ${options.join(" ")}\n`;
  return text;
}
