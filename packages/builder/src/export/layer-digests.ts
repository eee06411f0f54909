import { closeSync, openSync } from "node:fs";
import { runJob } from "@berth/archive";
import { type Digest, systemError } from "@berth/base";
import type { Snapshots } from "@berth/snapshot";
import type { BuildCache, StepResult } from "../cache/cache.ts";

/** Workers that pack at once. */
const WORKERS = 2;

interface Waiting {
  result: StepResult;
  below: readonly Digest[];
  done: () => void;
  fail: (error: unknown) => void;
}

/** Finds out which tars the layers of steps are, by packing them without keeping the tar. Each layer once. */
export class LayerDigests {
  readonly #snapshots: Snapshots;
  readonly #cache: BuildCache;
  readonly #running = new Map<string, Promise<void>>();
  #waiting: Waiting[] = [];
  #workers = 0;

  constructor(snapshots: Snapshots, cache: BuildCache) {
    this.#snapshots = snapshots;
    this.#cache = cache;
  }

  /** Fills in `diffId`, `tarSize` and `size`. `below`: layers below it, base first; only copying drivers look at them. */
  async describe(result: StepResult, below: readonly Digest[], signal: AbortSignal): Promise<void> {
    if (result.layer === undefined || result.diffId !== undefined) return;
    let running = this.#running.get(result.id);
    if (running === undefined) {
      running = new Promise<void>((done, fail) => {
        this.#waiting.push({ result, below, done, fail });
      }).finally(() => this.#running.delete(result.id));
      running.catch(() => {});
      this.#running.set(result.id, running);
      // Those that are asked for together share workers.
      queueMicrotask(() => this.#start());
    }
    await running;
    signal.throwIfAborted();
  }

  #start(): void {
    while (this.#waiting.length > 0 && this.#workers < WORKERS) {
      const share = Math.ceil(this.#waiting.length / (WORKERS - this.#workers));
      const batch = this.#waiting.splice(0, share);
      this.#workers++;
      void this.#pack(batch).finally(() => {
        this.#workers--;
        this.#start();
      });
    }
  }

  async #pack(batch: readonly Waiting[]): Promise<void> {
    try {
      if (this.#snapshots.driver === "vfs") for (const each of batch) await this.#packWhole(each);
      else {
        const folders = batch.map(({ result }) => {
          const [upper, below] = this.#snapshots.layerFolders(result.layer as Digest);
          return { upper: upper as string, ...(below !== undefined && { below }) };
        });
        const { layers } = await runJob({ job: "digests", layers: folders });
        for (const [index, { diffId, size, contentSize }] of layers.entries()) {
          this.#cache.describe((batch[index] as Waiting).result, {
            diffId,
            tarSize: size,
            size: contentSize,
          });
        }
      }
      for (const { done } of batch) done();
    } catch (error) {
      for (const { fail } of batch) fail(error);
    }
  }

  async #packWhole({ result, below }: Waiting): Promise<void> {
    const nowhere = openSync("/dev/null", "w");
    try {
      const packed = await runJob(
        {
          job: "diff",
          upper: this.#snapshots.layerFolders(result.layer as Digest)[0] as string,
          kind: "whole",
          base: this.#snapshots.view(below),
          digest: true,
        },
        { stdout: nowhere },
      );
      if (packed.diffId === undefined) throw systemError("a layer was packed without a digest");
      this.#cache.describe(result, { diffId: packed.diffId, tarSize: packed.size, size: packed.contentSize });
    } finally {
      closeSync(nowhere);
    }
  }
}
