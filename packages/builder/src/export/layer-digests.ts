import { closeSync, openSync } from "node:fs";
import { runJob } from "@berth/archive";
import { type Digest, systemError } from "@berth/base";
import type { Snapshots } from "@berth/snapshot";
import type { BuildCache, StepResult } from "../cache/cache.ts";

/** How many layers are packed at once. */
const PARALLEL = 2;

/** Finds out which tars the layers of steps are, by packing them without keeping the tar. Each layer once. */
export class LayerDigests {
  readonly #snapshots: Snapshots;
  readonly #cache: BuildCache;
  readonly #running = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #active = 0;

  constructor(snapshots: Snapshots, cache: BuildCache) {
    this.#snapshots = snapshots;
    this.#cache = cache;
  }

  /** Fills in `diffId`, `tarSize` and `size`. `below`: layers below it, base first; only copying drivers look at them. */
  async describe(result: StepResult, below: readonly Digest[], signal: AbortSignal): Promise<void> {
    if (result.layer === undefined || result.diffId !== undefined) return;
    let running = this.#running.get(result.id);
    if (running === undefined) {
      running = this.#pack(result, below).finally(() => this.#running.delete(result.id));
      running.catch(() => {});
      this.#running.set(result.id, running);
    }
    await running;
    signal.throwIfAborted();
  }

  async #pack(result: StepResult, below: readonly Digest[]): Promise<void> {
    while (this.#active >= PARALLEL) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#active++;
    const nowhere = openSync("/dev/null", "w");
    try {
      const packed = await runJob(
        {
          job: "diff",
          upper: this.#snapshots.layerDirectory(result.layer as Digest),
          kind: this.#snapshots.driver === "vfs" ? "whole" : "overlay",
          base: this.#snapshots.view(below),
          digest: true,
        },
        { stdout: nowhere },
      );
      if (packed.diffId === undefined) throw systemError("a layer was packed without a digest");
      this.#cache.describe(result, {
        diffId: packed.diffId,
        tarSize: packed.size,
        size: packed.contentSize,
      });
    } finally {
      closeSync(nowhere);
      this.#active--;
      this.#waiting.shift()?.();
    }
  }
}
