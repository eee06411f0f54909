import type { PortMap } from "@berth/api";
import type { Service } from "../model.ts";

/** Published and exposed ports of a service. Ranges were taken apart by the loader, except in `published`. */
export function portsOf(service: Pick<Service, "ports" | "expose">): {
  exposed: Record<string, object>;
  bindings: PortMap;
} {
  const exposed: Record<string, object> = {};
  const bindings: PortMap = {};
  for (const entry of service.expose ?? []) {
    const [range = "", protocol = "tcp"] = String(entry).split("/");
    const [first = 0, last = first] = range.split("-").map(Number);
    for (let port = first; port <= last; port++) exposed[`${port}/${protocol}`] = {};
  }
  for (const port of service.ports ?? []) {
    const key = `${port.target}/${port.protocol || "tcp"}`;
    exposed[key] = {};
    const binding = { HostIp: port.host_ip ?? "", HostPort: port.published ?? "" };
    bindings[key] = [...(bindings[key] ?? []), binding];
  }
  return { exposed, bindings };
}
