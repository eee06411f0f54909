/**
 * Docker, Podman and Berth side by side.
 *
 *   test/bench/main.ts [--runs 21] [--together 50] [--lines 1000000] [--megabytes 1024]
 *     [--suite latency,together,memory,logging,images,compose,build] [--json FILE] [--no-page]
 *
 * Writes docs/benchmarks.md unless told not to, and JSON for machines.
 */
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { sweep } from "../harness/sweep.ts";
import { build } from "./build.ts";
import { compose } from "./compose.ts";
import { images } from "./images.ts";
import { registryServer } from "./registry-server.ts";
import { type Machine, page, tables } from "./report.ts";
import { latency, logging, memory, type Row, type Settings, together } from "./suites.ts";
import { startDaemonTargets, startFloor, startPodman, type Target } from "./target.ts";

const { values } = parseArgs({
  allowNegative: true,
  options: {
    runs: { type: "string", default: "21" },
    together: { type: "string", default: "50" },
    lines: { type: "string", default: "1000000" },
    megabytes: { type: "string", default: "1024" },
    suite: {
      type: "string",
      default: "latency,together,memory,logging,images,compose,registry-server,build",
    },
    json: { type: "string", default: resolve(import.meta.dir, "../../dist/bench.json") },
    page: { type: "boolean", default: true },
  },
});
const settings: Settings = {
  runs: Number(values.runs),
  together: Number(values.together),
  lines: Number(values.lines),
  megabytes: Number(values.megabytes),
};
const suites = {
  latency,
  together,
  memory,
  logging,
  images,
  compose,
  "registry-server": registryServer,
  build,
};

function firstLine(...argv: string[]): string {
  return Bun.spawnSync(argv, { stderr: "ignore" }).stdout.toString().split("\n")[0] ?? "";
}

function machine(targets: readonly Target[]): Machine {
  const versions: Record<string, string> = {
    docker: firstLine("dockerd", "--version"),
    podman: firstLine("podman", "--version"),
    crun: firstLine("crun", "--version"),
  };
  const berth = targets.find(({ name }) => name === "berth");
  if (berth !== undefined) versions.berth = firstLine(berth.client[0]!, "--version");
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown processor",
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 1e9),
    kernel: release(),
    system: /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux",
    versions,
  };
}

await sweep();
const targets: Target[] = [];
const rows: Row[] = [];
try {
  // The registries need no engine.
  if (values.suite !== "registry-server")
    targets.push(...(await startDaemonTargets()), await startPodman(), await startFloor());
  for (const name of values.suite.split(",") as (keyof typeof suites)[]) {
    const measured = await suites[name](targets, settings);
    rows.push(...measured);
    console.log(`${tables(measured)}\n`);
  }
  const facts = machine(targets);
  await Bun.write(
    values.json,
    `${JSON.stringify({ date: new Date().toISOString(), machine: facts, settings, rows }, undefined, 1)}\n`,
  );
  if (values.page) {
    const text = page(rows, facts, new Date().toISOString().slice(0, 10), settings.runs);
    await Bun.write(resolve(import.meta.dir, "../../docs/benchmarks.md"), text);
  }
} finally {
  for (const target of targets.reverse()) await target.stop();
}
