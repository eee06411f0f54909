/** Tables of what was measured. */
import type { Row } from "./suites.ts";

const figure = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);

/** One Markdown table: a row a measurement, a column a target, and how Berth compares with Docker and with Podman. */
export function table(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.values)))];
  const lines = [
    `| measured | unit | ${names.join(" | ")} | berth : docker | berth : podman |`,
    `|---|---|${"---:|".repeat(names.length + 2)}`,
  ];
  for (const row of rows) {
    const ratio = (peer: string): string => {
      const [ours, theirs] = [row.values.berth, row.values[peer]];
      return ours === undefined || theirs === undefined || theirs <= 0
        ? ""
        : `1 : ${figure(theirs / Math.max(ours, 1e-9))}`;
    };
    const cells = names.map((name) => (row.values[name] === undefined ? "" : figure(row.values[name])));
    lines.push(
      `| ${row.title} | ${row.unit} | ${cells.join(" | ")} | ${ratio("docker")} | ${ratio("podman")} |`,
    );
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

${table(rows)}

- Times are whole processes, from the start of the client to its end: medians of ${runs} runs after two that are thrown away (lines and
  logs: of at most 5; many at once: one run).
- \`crun\` is the floor: \`crun run\` of the same root filesystem with nothing around it.
- \`docker CLI on berth\` is the unmodified Docker CLI with \`DOCKER_HOST\` at Berth.
- Memory is from \`/proc/PID/smaps_rollup\`, summed over all processes of an engine except those inside containers. *Private, written* is
  what would be free if they ended; *private* has clean pages of executables too that nobody else has mapped; *proportional* shares
  out what several processes map.
- Images are archives and registries of layers that compress to a half; each engine's \`pull\` asks a docker-registry of its own on
  loopback. \`tar -x\` extracts the same layers to the same disk with GNU tar and writes them out.
- Rows that begin with \`registry:\` are \`berth registry serve\` and, in the column \`docker\`, Debian's docker-registry 2.8.2.
- Every engine's log is compared with what was written, line by line, before its time counts.
`;
}
