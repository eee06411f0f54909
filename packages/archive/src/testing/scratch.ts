import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { closeQuietly, O, open } from "@berth/linux";
import { removeTree } from "../files/remove-tree.ts";
import { type Job, type JobIo, type ResultOf, runJob, startJob } from "../index.ts";

/** Command line of a worker that runs from the sources. */
export const WORKER: readonly string[] = [process.execPath, join(import.meta.dir, "worker-entry.ts")];

export function run<J extends Job>(job: J, io: JobIo & { stdout?: number } = {}): Promise<ResultOf<J>> {
  return runJob(job, { command: WORKER, ...io });
}

/** Runs a job and collects what it writes. */
export async function output<J extends Job>(
  job: J,
  io: JobIo = {},
): Promise<{ bytes: Buffer; result: ResultOf<J>; facts: unknown }> {
  const running = startJob(job, { command: WORKER, ...io });
  const bytes = Buffer.from(await new Response(running.stdout).arrayBuffer());
  return { bytes, result: await running.result, facts: await running.facts };
}

/** A folder for one test file; gone, with any depth, when disposed. */
export class Scratch implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "berth-archive-"));
  #count = 0;

  /** A new empty folder in it. */
  folder(name = "f"): string {
    const path = join(this.path, `${name}-${++this.#count}`);
    mkdirSync(path);
    return path;
  }

  /** Runs a shell script in a folder; its output. */
  shell(folder: string, script: string): string {
    const run = Bun.spawnSync(["bash", "-euc", script], { cwd: folder, stderr: "pipe" });
    if (run.exitCode !== 0) throw new Error(`${script}\n${run.stderr.toString()}`);
    return run.stdout.toString();
  }

  [Symbol.dispose](): void {
    const parent = open(dirname(this.path), O.RDONLY | O.DIRECTORY);
    try {
      removeTree(parent, basename(this.path));
    } finally {
      closeQuietly(parent);
    }
  }
}
