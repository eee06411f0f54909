/** Tables of what was measured. */
import type { Row } from "./suites.ts";

const figure = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);

/** What Berth is compared with. */
const PEERS = ["docker", "buildkit", "podman"];

/** Markdown tables: rows that follow each other and were measured with the same targets are in one; a column a target. */
export function tables(rows: readonly Row[]): string {
  const groups: Row[][] = [];
  const targets = ({ values }: Row) => Object.keys(values).join();
  for (const row of rows) {
    const last = groups.at(-1);
    if (last?.[0] !== undefined && targets(last[0]) === targets(row)) last.push(row);
    else groups.push([row]);
  }
  return groups.map(table).join("\n\n");
}

function table(rows: readonly Row[]): string {
  const names = Object.keys(rows[0]?.values ?? {});
  const peers = PEERS.filter((peer) => names.includes(peer) && names.includes("berth"));
  const head = ["measured", "unit", ...names, ...peers.map((peer) => `berth : ${peer}`)];
  const lines = [`| ${head.join(" | ")} |`, `|---|---|${"---:|".repeat(head.length - 2)}`];
  for (const { title, unit, values } of rows) {
    const ratio = (peer: string): string => {
      const [ours, theirs] = [values.berth, values[peer]];
      return ours === undefined || theirs === undefined || theirs <= 0
        ? ""
        : `1 : ${figure(theirs / Math.max(ours, 1e-9))}`;
    };
    const cells = names.map((name) => figure(values[name] as number));
    lines.push(`| ${[title, unit, ...cells, ...peers.map(ratio)].join(" | ")} |`);
  }
  return lines.join("\n");
}

export interface Machine {
  cpu: string;
  cores: number;
  memoryGigabytes: number;
  kernel: string;
  system: string;
  versions: Record<string, string>;
}

export function page(rows: readonly Row[], machine: Machine, date: string, runs: number): string {
  return `# Benchmarks

This page is written by \`make bench\`: Debian's Docker and Podman and Berth on one machine, in one run, taking turns. Compare only
figures of one run.

${machine.cpu}, ${machine.cores} cores, ${machine.memoryGigabytes} GB; ${machine.system}, Linux ${machine.kernel}; ${date}.
${Object.entries(machine.versions)
  .map(([name, version]) => `${name}: ${version}`)
  .join("; ")}.

${tables(rows)}

- Times are whole processes, from the start of the client to its end: medians of ${runs} runs after two that are thrown away (lines and
  logs: of at most 5; many at once: one run).
- The exec roots of Docker and Berth and Podman's run root are in memory, as /run is on an installed system.
- \`crun\` is the floor: \`crun run\` of the same root filesystem with nothing around it.
- \`docker CLI on berth\` is the unmodified Docker CLI with \`DOCKER_HOST\` at Berth.
- Memory is from \`/proc/PID/smaps_rollup\`, summed over all processes of an engine except those inside containers. *Private, written* is
  what would be free if they ended; *private* has clean pages of executables too that nobody else has mapped; *proportional* shares
  out what several processes map.
- Images are archives and registries of layers that compress to a half; each engine's \`pull\` asks a docker-registry of its own on
  loopback. \`tar -x\` extracts the same layers to the same disk with GNU tar and writes them out.
- \`cp\` is \`cp\` and \`sync\` of the same file: Berth's image is on the disk when the build ends.
- Rows that begin with \`registry:\` are \`berth registry serve\` and, in the column \`docker\`, Debian's docker-registry 2.8.2.
- Every engine's log is compared with what was written, line by line, before its time counts.
`;
}
