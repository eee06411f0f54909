import { invalidParameter } from "@berth/base";

/** Where the API listens. */
export type Endpoint =
  | { kind: "unix"; path: string }
  | { kind: "tcp"; host: string; port: number }
  /** A socket that systemd passed; `name`: `*`, empty (all of them) or a descriptor's number. */
  | { kind: "fd"; name: string };

export interface EndpointDefaults {
  unixPath: string;
  tls: boolean;
}

/** Reads one `--host`. @throws invalid-parameter with dockerd's sentence. */
export function parseEndpoint(text: string, defaults: EndpointDefaults): Endpoint {
  const host = text.trim();
  if (host === "" && !defaults.tls) return { kind: "unix", path: defaults.unixPath };
  const scheme = /^([a-z]+):\/\/(.*)$/s.exec(host);
  const kind = scheme === null ? "tcp" : (scheme[1] as string);
  const address = scheme === null ? host : (scheme[2] as string);
  switch (kind) {
    case "unix":
      return { kind: "unix", path: address === "" ? defaults.unixPath : address };
    case "tcp":
      return parseTcp(host, address, defaults.tls ? 2376 : 2375);
    case "fd":
      return { kind: "fd", name: address };
    default:
      throw invalidParameter(`invalid bind address format: ${host}`);
  }
}

function parseTcp(whole: string, address: string, defaultPort: number): Endpoint {
  if (address === "") return { kind: "tcp", host: "127.0.0.1", port: defaultPort };
  const found = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:/[\]]*))(?::(\d*))?$/.exec(address);
  const port = found?.[3] === undefined || found[3] === "" ? defaultPort : Number(found[3]);
  if (found === null || port > 65_535)
    throw invalidParameter(`invalid bind address (${whole}): invalid address`);
  return { kind: "tcp", host: found[1] ?? (found[2] || "127.0.0.1"), port };
}

/** As users write it and as the log tells it. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return endpoint.path;
  if (endpoint.kind === "fd") return `fd://${endpoint.name}`;
  return endpoint.host.includes(":")
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`;
}
