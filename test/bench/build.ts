/** Building: what a developer waits for. Docker with both of its builders, Podman (which is buildah), Berth. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DOCKER_20 } from "../harness/daemon.ts";
import { median, type Row, type Settings } from "./suites.ts";
import type { Target } from "./target.ts";

const FILES = 50_000;
const COLD_ROUNDS = 3;
/** Other engines take a minute for one. */
const FILES_ROUNDS = 2;

interface Builder {
  name: string;
  target: Target;
  command: readonly string[];
}

/** Builds need an image called busybox in each engine. */
export async function build(targets: readonly Target[], settings: Settings): Promise<Row[]> {
  const builders = buildersOf(targets);
  const cold = Math.max(1, Math.min(COLD_ROUNDS, settings.runs));
  const scratch = mkdtempSync(join(tmpdir(), "berth-bench-build-"));
  try {
    return [
      await cachedSteps(builders, settings.runs, scratch),
      await changedFile(builders, Math.min(FILES_ROUNDS, cold), scratch),
      await parallelStages(builders, cold, scratch),
      await coldBuild(builders, cold, scratch),
      await largeCopy(builders, cold, settings.megabytes, scratch),
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function buildersOf(targets: readonly Target[]): Builder[] {
  return targets.flatMap((target): Builder[] => {
    if (target.name === "docker") {
      const build = [DOCKER_20, "build", "-q"];
      return [
        { name: "docker", target, command: ["env", "DOCKER_BUILDKIT=0", ...build] },
        { name: "buildkit", target, command: ["env", "DOCKER_BUILDKIT=1", ...build] },
      ];
    }
    if (target.name === "berth")
      return [{ name: "berth", target, command: [...target.client, "build", "-q"] }];
    if (target.name === "podman") {
      return [{ name: "podman", target, command: [...target.client, "build", "-q", "--layers"] }];
    }
    return [];
  });
}

function folder(scratch: string, name: string, dockerfile: string): string {
  const path = join(scratch, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "Dockerfile"), dockerfile);
  return path;
}

async function cachedSteps(builders: readonly Builder[], runs: number, scratch: string): Promise<Row> {
  const steps = Array.from({ length: 9 }, (_, i) => `RUN echo ${i} > /f${i}\nCOPY Dockerfile /c${i}\n`);
  const path = folder(scratch, "cached", `FROM busybox\n${steps.join("")}ENV A=1\n`);
  return await measure("20 steps, all cached", builders, runs, async (builder, round) => {
    if (round === 0) await run(builder, path);
    return await run(builder, path);
  });
}

async function changedFile(builders: readonly Builder[], rounds: number, scratch: string): Promise<Row> {
  const path = folder(scratch, "files", "FROM busybox\nRUN mkdir /x\nCOPY one /one\nCOPY many /many\n");
  writeFileSync(join(path, "one"), "0");
  for (let i = 0; i < FILES; i++) {
    const below = join(path, "many", String(Math.floor(i / 500)));
    if (i % 500 === 0) mkdirSync(below, { recursive: true });
    writeFileSync(join(below, String(i)), `content of ${i}\n`);
  }
  return await measure("50,000 files, one changed", builders, rounds, async (builder, round) => {
    if (round === 0) await run(builder, path);
    writeFileSync(join(path, "many", "7", "3500"), `${builder.name} ${round}`);
    return await run(builder, path);
  });
}

async function parallelStages(builders: readonly Builder[], rounds: number, scratch: string): Promise<Row> {
  const stages = [1, 2, 3, 4].map((i) => `FROM busybox AS s${i}\nRUN sleep 1; echo ${i} > /r${i}\n`);
  const copies = [1, 2, 3, 4].map((i) => `COPY --from=s${i} /r${i} /r${i}\n`);
  const path = folder(scratch, "stages", `${stages.join("")}FROM busybox\n${copies.join("")}`);
  return await measure("four stages of one second each", builders, rounds, (builder) =>
    run(builder, path, "--no-cache"),
  );
}

async function coldBuild(builders: readonly Builder[], rounds: number, scratch: string): Promise<Row> {
  const path = folder(
    scratch,
    "cold",
    `FROM busybox AS build
WORKDIR /src
COPY . .
RUN for i in $(seq 300); do sha256sum Dockerfile > out$i; done
RUN tar -cf /all.tar .
FROM busybox
COPY --from=build /all.tar /
RUN mkdir /app && tar -xf /all.tar -C /app
CMD ["true"]
`,
  );
  return await measure("two stages, nothing cached", builders, rounds, (builder) =>
    run(builder, path, "--no-cache"),
  );
}

async function largeCopy(
  builders: readonly Builder[],
  rounds: number,
  megabytes: number,
  scratch: string,
): Promise<Row> {
  const path = folder(scratch, "large", "FROM busybox\nCOPY large /large\n");
  const copies: number[] = [];
  const row = await measure(`COPY of ${megabytes} MB`, builders, rounds, async (builder, round) => {
    const block = Buffer.alloc(1 << 20, `${builder.name}${round}`);
    const file = Bun.file(join(path, "large")).writer();
    for (let i = 0; i < megabytes; i++) {
      block.writeUInt32LE(i);
      file.write(block.slice());
      await file.flush();
    }
    await file.end();
    copies.push(copyAndSync(join(path, "large"), join(scratch, `copy-${builder.name}-${round}`)));
    return await run(builder, path);
  });
  row.values.cp = median(copies);
  row.ranges!.cp = [Math.min(...copies), Math.max(...copies)];
  return row;
}

/** The floor: what it takes to have the file a second time on the disk, in milliseconds. */
function copyAndSync(from: string, to: string): number {
  const started = Bun.nanoseconds();
  Bun.spawnSync(["sh", "-c", 'cp "$0" "$1" && sync "$1"', from, to]);
  return (Bun.nanoseconds() - started) / 1e6;
}

async function measure(
  title: string,
  builders: readonly Builder[],
  rounds: number,
  once: (builder: Builder, round: number) => Promise<number>,
): Promise<Row> {
  const row: Row = { title, unit: "ms", values: {}, ranges: {} };
  const samples = new Map<string, number[]>(builders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const builder of builders) samples.get(builder.name)?.push(await once(builder, round));
  }
  for (const [name, values] of samples) {
    row.values[name] = median(values);
    row.ranges![name] = [Math.min(...values), Math.max(...values)];
  }
  return row;
}

async function run(builder: Builder, path: string, ...flags: string[]): Promise<number> {
  const argv = [...builder.command, ...flags, path];
  const { exitCode, milliseconds, stderr } = await builder.target.measure(argv);
  if (exitCode !== 0)
    throw new Error(`${builder.name}: ${argv.join(" ")}: exit status ${exitCode}: ${stderr}`);
  return milliseconds;
}
