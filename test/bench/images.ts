/** Large images: loading, saving, pulling from a local registry, beside `tar` on the same files. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseEnvironment, runOk } from "../harness/command.ts";
import { startDockerRegistry } from "../harness/docker-registry.ts";
import { type BenchImage, largeImage, smallFilesImage } from "./image-archives.ts";
import { median, type Row, type Settings } from "./suites.ts";
import type { Target } from "./target.ts";

/** Rounds at most: each moves gigabytes. */
const ROUNDS = 3;
const SMALL_FILES = 50_000;

export async function images(targets: readonly Target[], settings: Settings): Promise<Row[]> {
  const engines = targets.filter(({ name }) => ["docker", "berth", "podman"].includes(name));
  const rounds = Math.max(1, Math.min(ROUNDS, settings.runs));
  const rows: Row[] = [];
  for (const [title, image] of [
    [`4 layers, ${settings.megabytes} MB`, largeImage(settings.megabytes)],
    [`${SMALL_FILES.toLocaleString("en-US")} small files`, smallFilesImage(SMALL_FILES)],
  ] as const) {
    const scratch = mkdtempSync(join(tmpdir(), "berth-bench-"));
    try {
      rows.push(...(await stored(title, image, engines, rounds, scratch)));
      rows.push(...(await pulled(title, image, engines, rounds, scratch)));
      rows.push(await pushed(title, image, engines, rounds, scratch));
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  return rows;
}

/** load, save, and `tar -x` of the layers to the same disk. */
async function stored(
  title: string,
  image: BenchImage,
  engines: readonly Target[],
  rounds: number,
  scratch: string,
): Promise<Row[]> {
  const load = new Samples(`load, ${title} (tar: extraction of the layers)`);
  const save = new Samples(`save, ${title}`);
  for (let round = 0; round < rounds; round++) {
    for (const target of engines) {
      await run(target, ["sync", "-f", scratch]);
      load.add(target, await run(target, [...target.client, "load", "-q", "-i", image.archive]));
      const out = join(scratch, "saved.tar");
      save.add(target, await run(target, [...target.client, "save", "-o", out, image.name]));
      rmSync(out, { force: true });
      await run(target, [...target.client, "rmi", image.name]);
    }
    load.put("tar -x", extract(image.layers, scratch));
  }
  return [load.row(), save.row()];
}

/** pull of the same image, its layers compressed with gzip, from a registry beside each engine; and again when it is there. */
async function pulled(
  title: string,
  image: BenchImage,
  engines: readonly Target[],
  rounds: number,
  scratch: string,
): Promise<Row[]> {
  const pull = new Samples(`pull, ${title}, gzip (tar: extraction of the layers; skopeo: copy to a folder)`);
  const again = new Samples(`pull of what is there, ${title}`);
  const data = join(scratch, "registry");
  {
    await using registry = await startDockerRegistry({ folder: data });
    await skopeo(scratch, `docker-archive:${image.archive}`, `docker://${registry.host}/${image.name}`);
    for (let round = 0; round < rounds; round++) {
      const copy = join(scratch, "copy");
      pull.put("skopeo", await skopeo(scratch, `docker://${registry.host}/${image.name}`, `dir:${copy}`));
      rmSync(copy, { recursive: true });
    }
  }
  for (const target of engines) {
    await using registry = await startDockerRegistry({ folder: data, prefix: target.network() });
    const name = `${registry.host}/${image.name}`;
    const argv = [...target.client, "pull", "-q", ...insecure(target), name];
    for (let round = 0; round < rounds; round++) {
      await run(target, ["sync", "-f", scratch]);
      pull.add(target, await run(target, argv));
      again.add(target, await run(target, argv));
      await run(target, [...target.client, "rmi", name]);
    }
  }
  const compressed = image.layers.map((_, n) => join(scratch, `layer${n}.tar.gz`));
  for (const [n, path] of image.layers.entries()) {
    await runOk(["sh", "-c", `gzip -6 <'${path}' >'${compressed[n]}'`], { seconds: 600 });
  }
  for (let round = 0; round < rounds; round++) pull.put("tar -x", extract(compressed, scratch));
  for (const path of compressed) rmSync(path);
  return [pull.row(), again.row()];
}

/** push of the same image, which no registry has given, to an empty registry beside each engine. */
async function pushed(
  title: string,
  image: BenchImage,
  engines: readonly Target[],
  rounds: number,
  scratch: string,
): Promise<Row> {
  const push = new Samples(`push, ${title} (skopeo: from the archive)`);
  const data = join(scratch, "pushed");
  for (let round = 0; round < rounds; round++) {
    for (const target of engines) {
      await using registry = await startDockerRegistry({ folder: data, prefix: target.network() });
      const name = `${registry.host}/${image.name}`;
      // Loaded anew each time: what was compressed for an earlier push is not there.
      await run(target, [...target.client, "load", "-q", "-i", image.archive]);
      await run(target, [...target.client, "tag", image.name, name]);
      await run(target, ["sync", "-f", scratch]);
      push.add(target, await run(target, [...target.client, "push", "-q", ...insecure(target), name]));
      await run(target, [...target.client, "rmi", name, image.name]);
      rmSync(data, { recursive: true });
    }
    await using registry = await startDockerRegistry({ folder: data });
    push.put(
      "skopeo",
      await skopeo(scratch, `docker-archive:${image.archive}`, `docker://${registry.host}/${image.name}`),
    );
    rmSync(data, { recursive: true });
  }
  return push.row();
}

/** Flags with which a client talks to a registry without TLS. */
function insecure(target: Target): readonly string[] {
  return target.name === "podman" ? ["--tls-verify=false"] : [];
}

/** Milliseconds of a copy. */
async function skopeo(scratch: string, from: string, to: string): Promise<number> {
  const started = Bun.nanoseconds();
  await runOk(
    [
      ...["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false"],
      ...[from, to],
    ],
    { env: baseEnvironment(scratch), seconds: 600 },
  );
  return (Bun.nanoseconds() - started) / 1e6;
}

/** Milliseconds of `tar -x` of all of them, one after the other, written to the disk as an image is. */
function extract(layers: readonly string[], scratch: string): number {
  const folder = join(scratch, "extracted");
  mkdirSync(folder);
  Bun.spawnSync(["sync"]);
  const started = Bun.nanoseconds();
  for (const layer of layers) Bun.spawnSync(["tar", "-xpf", layer, "-C", folder]);
  Bun.spawnSync(["sync", "-f", folder]);
  const milliseconds = (Bun.nanoseconds() - started) / 1e6;
  rmSync(folder, { recursive: true });
  return milliseconds;
}

async function run(target: Target, argv: readonly string[]): Promise<number> {
  const { exitCode, milliseconds, stderr } = await target.measure(argv);
  if (exitCode !== 0)
    throw new Error(`${target.name}: ${argv.join(" ")}: exit status ${exitCode}: ${stderr}`);
  return milliseconds;
}

class Samples {
  readonly #title: string;
  readonly #values = new Map<string, number[]>();

  constructor(title: string) {
    this.#title = title;
  }

  add(target: Target, milliseconds: number): void {
    this.put(target.name, milliseconds);
  }

  put(name: string, milliseconds: number): void {
    this.#values.set(name, [...(this.#values.get(name) ?? []), milliseconds]);
  }

  row(): Row {
    const row: Row = { title: this.#title, unit: "ms", values: {}, ranges: {} };
    for (const [name, values] of this.#values) {
      row.values[name] = median(values);
      row.ranges![name] = [Math.min(...values), Math.max(...values)];
    }
    return row;
  }
}
