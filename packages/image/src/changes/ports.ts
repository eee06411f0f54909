import { invalidParameter } from "@berth/base";

const PROTOCOLS = new Set(["tcp", "udp", "sctp"]);

/** `80`, `53/udp`, `8000-8010` → keys `80/tcp`, …. @throws invalid-parameter with Docker's sentences. */
export function parseExposedPorts(text: string): string[] {
  const [range = "", ...more] = text.split("/");
  const protocol = (more.join("/") || "tcp").toLowerCase();
  // Docker takes `host:container` here, and only the container's side counts.
  const container = range.slice(range.lastIndexOf(":") + 1);
  if (container === "") throw invalidParameter(`No port specified: ${text}<empty>`);
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(container);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first > 65535 || last > 65535 || last < first) {
    throw invalidParameter(`Invalid containerPort: ${container}`);
  }
  if (!PROTOCOLS.has(protocol)) throw invalidParameter(`Invalid proto: ${protocol}`);
  return Array.from({ length: last - first + 1 }, (_, n) => `${first + n}/${protocol}`);
}
