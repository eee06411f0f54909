import type { PortSummary } from "@berth/api";

/** `PORTS` of `ps`: neighbouring ports of one address together, then those whose number differs outside. */
export function displayPorts(ports: readonly PortSummary[]): string {
  const sorted = [...ports].sort(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      compare(a.IP ?? "", b.IP ?? "") ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
      compare(a.Type, b.Type),
  );
  const runs = new Map<string, { ip: string; type: string; first: number; last: number }>();
  const shown: string[] = [];
  const moved: string[] = [];
  const show = (run: { ip: string; type: string; first: number; last: number }) => {
    const range = run.first === run.last ? `${run.first}` : `${run.first}-${run.last}`;
    shown.push(`${run.ip === "" ? range : `${hostPort(run.ip, range)}->${range}`}/${run.type}`);
  };
  for (const { IP: ip = "", PrivatePort: port, PublicPort, Type: type } of sorted) {
    if (ip !== "" && PublicPort !== port) {
      moved.push(`${hostPort(ip, String(PublicPort ?? 0))}->${port}/${type}`);
      continue;
    }
    const key = `${ip}/${type}`;
    const run = runs.get(key);
    if (run === undefined) runs.set(key, { ip, type, first: port, last: port });
    else if (port === run.last + 1) run.last = port;
    else {
      show(run);
      run.first = port;
      run.last = port;
    }
  }
  for (const run of runs.values()) show(run);
  return [...shown, ...moved].join(", ");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** An IPv6 address goes into brackets. */
export function hostPort(host: string, port: string): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
