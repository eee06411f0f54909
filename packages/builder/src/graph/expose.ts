import { isIP } from "node:net";
import { DockerfileError } from "../parse/error.ts";

const PROTOCOLS = ["tcp", "udp", "sctp"];
/** `EXPOSE 1-65535/tcp` is the most that makes sense in one word. */
const MAX_PORT = 65535;

/**
 * Reads one word of EXPOSE: `80`, `8000-8010/udp`, and the `[ip:]host:container` form that Docker accepts and ignores.
 * @returns `80/tcp`, one for each port.
 * @throws DockerfileError.
 */
export function parseExpose(word: string): string[] {
  const { ip, host, container } = splitParts(word);
  const slash = container.indexOf("/");
  const range = slash < 0 ? container : container.slice(0, slash);
  const protocol = slash < 0 ? "tcp" : container.slice(slash + 1).toLowerCase() || "tcp";
  if (range === "") throw new DockerfileError(`no port specified: ${container}<empty>`);
  if (!PROTOCOLS.includes(protocol)) throw new DockerfileError(`invalid proto: ${protocol}`);
  if (ip !== "" && isIP(ip.replace(/^\[(.*)\]$/, "$1")) === 0) {
    throw new DockerfileError(`invalid IP address: ${ip}`);
  }
  const ports = parseRange(range);
  if (ports === undefined) throw new DockerfileError(`invalid containerPort: ${range}`);
  if (host !== "") {
    const hostPorts = parseRange(host);
    if (hostPorts === undefined) throw new DockerfileError(`invalid hostPort: ${host}`);
    const count = ports.end - ports.start;
    if (count !== hostPorts.end - hostPorts.start && count !== 0) {
      throw new DockerfileError(
        `invalid ranges specified for container and host Ports: ${range} and ${host}`,
      );
    }
  }
  return Array.from({ length: ports.end - ports.start + 1 }, (_, at) => `${ports.start + at}/${protocol}`);
}

/** True for `ip:host:container` and `host:container`. */
export function hasMapping(word: string): boolean {
  const { ip, host } = splitParts(word);
  return ip !== "" || host !== "";
}

function splitParts(word: string): { ip: string; host: string; container: string } {
  const parts = word.split(":");
  const container = parts.pop()!;
  const host = parts.pop() ?? "";
  return { ip: parts.join(":"), host, container };
}

function parseRange(text: string): { start: number; end: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = Number(match[2] ?? match[1]);
  return start <= end && end <= MAX_PORT ? { start, end } : undefined;
}
