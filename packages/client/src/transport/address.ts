import { invalidParameter } from "@berth/base/errors";

/** Where a daemon listens. */
export type Address =
  | { kind: "unix"; path: string }
  | { kind: "tcp"; host: string; port: number /** Prefix of every request path. */; basePath: string }
  | { kind: "ssh"; user?: string; host: string; port?: number /** Socket on the far side. */; path?: string };

const MOST_CHARACTERS = 4096;

/**
 * Reads `DOCKER_HOST` and `-H`: `unix:///path`, `tcp://host:port`, `http(s)://…`, `ssh://user@host:port`, `host:port`, `:port`, `/path`.
 * @throws invalid-parameter with the Docker CLI's sentences.
 */
export function parseHost(text: string): Address {
  const host = text.trim();
  if (host.length > MOST_CHARACTERS) throw invalidParameter("unable to parse docker host: it is too long");
  if (host.startsWith("/")) return { kind: "unix", path: host };
  const at = host.indexOf("://");
  const scheme = at < 0 ? "tcp" : host.slice(0, at);
  const rest = at < 0 ? host : host.slice(at + 3);
  switch (scheme) {
    case "unix":
      return { kind: "unix", path: rest === "" ? "/var/run/docker.sock" : rest };
    case "tcp":
      return parseTcp(rest, host, 2375);
    case "http":
      return parseTcp(rest, host, 80);
    case "https":
      return parseTcp(rest, host, 443);
    case "ssh":
      return parseSsh(rest, host);
    default:
      throw invalidParameter(`invalid bind address format: ${host}`);
  }
}

function parseTcp(rest: string, whole: string, defaultPort: number): Address {
  const slash = rest.indexOf("/");
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const basePath = slash < 0 ? "" : rest.slice(slash).replace(/\/+$/, "");
  const found = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]@\s]*))(?::(\d{1,5}))?$/.exec(authority);
  if (found === null) throw invalidParameter(`invalid bind address format: ${whole}`);
  const port = found[3] === undefined ? defaultPort : Number(found[3]);
  if (port > 65535) throw invalidParameter(`invalid bind address format: ${whole}`);
  const host = found[1] ?? found[2] ?? "";
  return { kind: "tcp", host: host === "" ? "127.0.0.1" : host, port, basePath };
}

function parseSsh(rest: string, whole: string): Address {
  const found = /^(?:([^@/\s]+)@)?(?:\[([^\]\s]+)\]|([^@:/\s[\]]+))(?::(\d{1,5}))?(\/[^?#]*)?$/.exec(rest);
  const user = found?.[1];
  const host = found?.[2] ?? found?.[3];
  if (found === null || host === undefined) {
    throw invalidParameter(`ssh host connection is not valid: ${whole}`);
  }
  if (user?.includes(":")) {
    throw invalidParameter("ssh host connection is not valid: plain-text password is not supported");
  }
  if (host.startsWith("-") || user?.startsWith("-")) {
    // Would be an option of ssh.
    throw invalidParameter(`ssh host connection is not valid: ${whole}`);
  }
  const path = found[5] === undefined || found[5] === "/" ? undefined : found[5];
  return {
    kind: "ssh",
    host,
    ...(user !== undefined && { user }),
    ...(found[4] !== undefined && { port: Number(found[4]) }),
    ...(path !== undefined && { path }),
  };
}
