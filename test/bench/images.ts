/** Large images: loading, saving, pulling from a local registry, beside `tar` on the same files. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { baseEnvironment, runOk } from "../harness/command.ts";
import { startDockerRegistry } from "../harness/docker-registry.ts";
import { type BenchImage, largeImage, smallFilesImage } from "./image-archives.ts";
import { median, type Row, type Settings } from "./suites.ts";
import type { Target } from "./target.ts";

/** Rounds at most: each moves gigabytes. */
const ROUNDS = 3;
const SMALL_FILES = 50_000;

/** What is moved: an image a round. */
interface Subject {
  title: string;
  loaded: readonly BenchImage[];
  pulled: readonly BenchImage[];
  /** Each round's is removed after it; else the last round's end is waited for. */
  removed: boolean;
}

/**
 * Each round has other small files, and nothing is removed before the end: to no new file does ext4 give an inode that was deleted
 * less than minutes ago, and it searches long for one that it may give.
 */
export async function images(targets: readonly Target[], settings: Settings): Promise<Row[]> {
  const engines = targets.filter(({ name }) => ["docker", "berth", "podman"].includes(name));
  const rounds = Math.max(1, Math.min(ROUNDS, settings.runs));
  const each = <T>(of: (round: number) => T): T[] => Array.from({ length: rounds }, (_, round) => of(round));
  const large = each(() => largeImage(settings.megabytes));
  const subjects: Subject[] = [
    {
      title: `4 layers, ${settings.megabytes} MB`,
      loaded: large,
      pulled: large,
      removed: true,
    },
    {
      title: `${SMALL_FILES.toLocaleString("en-US")} small files`,
      loaded: each((round) => smallFilesImage(SMALL_FILES, round)),
      pulled: each((round) => smallFilesImage(SMALL_FILES, rounds + round)),
      removed: false,
    },
  ];
  const rows: Row[] = [];
  for (const subject of subjects) {
    const scratch = mkdtempSync(join(tmpdir(), "berth-bench-"));
    try {
      rows.push(...(await stored(subject, engines, scratch)));
      rows.push(...(await pulled(subject, engines, scratch)));
      rows.push(await pushed(subject, engines, scratch));
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  return rows;
}

/** load, save, and `tar -x` of the layers to the same disk. */
async function stored(subject: Subject, engines: readonly Target[], scratch: string): Promise<Row[]> {
  const load = new Samples(`load, ${subject.title} (tar: extraction of the layers)`);
  const save = new Samples(`save, ${subject.title}`);
  for (const image of subject.loaded) {
    for (const target of engines) {
      await run(target, ["sync", "-f", scratch]);
      load.add(target, await run(target, [...target.client, "load", "-q", "-i", image.archive]));
      const out = join(scratch, "saved.tar");
      save.add(target, await run(target, [...target.client, "save", "-o", out, image.name]));
      rmSync(out, { force: true });
      if (subject.removed) await run(target, [...target.client, "rmi", image.name]);
    }
    load.put("tar -x", extract(image.layers, scratch));
  }
  return [load.row(), save.row()];
}

/** pull of the images, their layers compressed with gzip, from a registry beside each engine; and again when they are there. */
async function pulled(subject: Subject, engines: readonly Target[], scratch: string): Promise<Row[]> {
  const { title } = subject;
  const pull = new Samples(`pull, ${title}, gzip (tar: extraction of the layers; skopeo: copy to a folder)`);
  const again = new Samples(`pull of what is there, ${title}`);
  const data = join(scratch, "registry");
  {
    await using registry = await startDockerRegistry({ folder: data });
    for (const [round, image] of subject.pulled.entries()) {
      const name = `docker://${registry.host}/${image.name}`;
      await skopeo(scratch, `docker-archive:${image.archive}`, name);
      pull.put("skopeo", await skopeo(scratch, name, `dir:${join(scratch, `copy${round}`)}`));
    }
  }
  for (const target of engines) {
    await using registry = await startDockerRegistry({ folder: data, prefix: target.network() });
    for (const image of subject.pulled) {
      const name = `${registry.host}/${image.name}`;
      const argv = [...target.client, "pull", "-q", ...insecure(target), name];
      await run(target, ["sync", "-f", scratch]);
      pull.add(target, await run(target, argv));
      again.add(target, await run(target, argv));
      if (subject.removed) await run(target, [...target.client, "rmi", name]);
    }
  }
  for (const image of subject.pulled) {
    const compressed = image.layers.map((path) => join(scratch, `${basename(path)}.gz`));
    for (const [n, path] of image.layers.entries()) {
      await runOk(["sh", "-c", `gzip -6 <'${path}' >'${compressed[n]}'`], { seconds: 600 });
    }
    pull.put("tar -x", extract(compressed, scratch));
  }
  return [pull.row(), again.row()];
}

/** push of the loaded images, which no registry has given, to an empty registry beside each engine. */
async function pushed(subject: Subject, engines: readonly Target[], scratch: string): Promise<Row> {
  const push = new Samples(`push, ${subject.title} (skopeo: from the archive)`);
  for (const [round, image] of subject.loaded.entries()) {
    const folder = (name: string) => join(scratch, `pushed-${name}-${round}`);
    for (const target of engines) {
      await using registry = await startDockerRegistry({
        folder: folder(target.name),
        prefix: target.network(),
      });
      const name = `${registry.host}/${image.name}`;
      // Loaded anew: what was compressed for an earlier push is not there.
      await run(target, [...target.client, "load", "-q", "-i", image.archive]);
      await run(target, [...target.client, "tag", image.name, name]);
      await run(target, ["sync", "-f", scratch]);
      push.add(target, await run(target, [...target.client, "push", "-q", ...insecure(target), name]));
      if (subject.removed) await run(target, [...target.client, "rmi", name, image.name]);
    }
    await using registry = await startDockerRegistry({ folder: folder("skopeo") });
    push.put(
      "skopeo",
      await skopeo(scratch, `docker-archive:${image.archive}`, `docker://${registry.host}/${image.name}`),
    );
    if (subject.removed)
      for (const name of [...engines.map((one) => one.name), "skopeo"])
        rmSync(folder(name), { recursive: true });
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

/** Milliseconds of `tar -x` of all of them, one after the other, written to the disk as an image is. What is extracted stays in `scratch`. */
function extract(layers: readonly string[], scratch: string): number {
  const folder = mkdtempSync(join(scratch, "extracted-"));
  Bun.spawnSync(["sync"]);
  const started = Bun.nanoseconds();
  for (const layer of layers) Bun.spawnSync(["tar", "-xpf", layer, "-C", folder]);
  Bun.spawnSync(["sync", "-f", folder]);
  return (Bun.nanoseconds() - started) / 1e6;
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
