import { isIP } from "node:net";
import { invalidParameter } from "@berth/base";

interface PortLike {
  host_ip?: string;
  published?: string | number;
  target?: number;
  protocol?: string;
}

/** Ports of one key replace each other when files are merged. */
export function portKey(item: PortLike): string {
  return `${item.host_ip ?? "0.0.0.0"}:${item.published ?? ""}:${item.target ?? ""}/${item.protocol ?? "tcp"}`;
}

/** `[[host-ip:]published:]target[/protocol]`; ranges become many. @returns undefined for the long form. */
export function portShort(item: unknown, path: string): unknown[] | undefined {
  if (typeof item === "number") {
    if (!Number.isInteger(item)) {
      throw invalidParameter(`${path.slice(0, path.lastIndexOf("."))}: invalid type float64 for port`);
    }
    return parsePorts(String(item));
  }
  if (typeof item === "string") return parsePorts(item);
  return undefined;
}

const RANGE = /^(\d{1,5})(?:-(\d{1,5}))?$/;

function range(text: string, complaint: string): [number, number] {
  const found = RANGE.exec(text);
  const start = Number(found?.[1]);
  const end = Number(found?.[2] ?? found?.[1]);
  if (found === null || start > 65535 || end > 65535 || end < start)
    throw invalidParameter(`${complaint}: ${text}`);
  return [start, end];
}

/** @throws BerthError with the sentence of Docker's parser of `-p`. */
export function parsePorts(spec: string): Record<string, unknown>[] {
  const slash = spec.indexOf("/");
  const protocol = (slash < 0 ? "tcp" : spec.slice(slash + 1)).toLowerCase();
  const ports = slash < 0 ? spec : spec.slice(0, slash);
  const lastColon = ports.lastIndexOf(":");
  const container = ports.slice(lastColon + 1);
  const before = lastColon < 0 ? "" : ports.slice(0, lastColon);
  const hostColon = before.lastIndexOf(":");
  const hostPort = hostColon < 0 ? before : before.slice(hostColon + 1);
  let host = hostColon < 0 ? "" : before.slice(0, hostColon);
  if (host.startsWith("[") && host.endsWith("]")) host = host.slice(1, -1);
  else if (host.includes(":")) {
    throw invalidParameter(`Invalid ip address ${host}: address ${host}:: too many colons in address`);
  }
  if (host !== "" && isIP(host) === 0) throw invalidParameter(`Invalid ip address: ${host}`);
  if (container === "") throw invalidParameter(`No port specified: ${spec}<empty>`);
  const [first, last] = range(container, "Invalid containerPort");
  const [hostFirst, hostLast] = hostPort === "" ? [0, 0] : range(hostPort, "Invalid hostPort");
  const targets = last - first;
  const published = hostLast - hostFirst;
  if (hostPort !== "" && published !== targets && targets !== 0) {
    throw invalidParameter(
      `Invalid ranges specified for container and host Ports: ${container} and ${hostPort}`,
    );
  }
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw invalidParameter(`Invalid proto: ${protocol}`);
  const made: Record<string, unknown>[] = [];
  for (let at = 0; at <= targets; at++) {
    made.push({
      mode: "ingress",
      ...(host !== "" && { host_ip: host }),
      target: first + at,
      ...(hostPort !== "" && {
        published: targets === 0 && published > 0 ? `${hostFirst}-${hostLast}` : String(hostFirst + at),
      }),
      protocol,
    });
  }
  // Docker's parser keeps them in a map and sorts its keys as text.
  return made.sort((a, b) => (String(a.target) < String(b.target) ? -1 : 1));
}
