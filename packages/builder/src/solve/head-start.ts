import { availableParallelism } from "node:os";
import { statfs } from "@berth/linux";
import type { Snapshots } from "@berth/snapshot";
import { StepLog } from "../exec/step-log.ts";
import { type NewLayer, newLayer } from "../layers/new-layer.ts";
import type { StepOutcome, StepWork } from "./step-work.ts";

/** Bytes to read from which it is worth a process that may turn out to be in vain. */
const LEAST_BYTES = 32 << 20;
/** Of what is free on the disk it may take one part in so many for a while. */
const SHARE = 4;

interface How {
  /** Which tar the layer is will be asked. */
  pack: boolean;
  signal: AbortSignal;
}

/**
 * What a COPY copies has to be hashed before it is known whether the cache has the result. When much of it was never read before,
 * that takes long, and when it is new the cache hardly has it: it is copied at the same time, and the copy thrown away if it was in
 * vain.
 */
export class HeadStart implements AsyncDisposable {
  readonly layer: NewLayer;
  readonly #snapshots: Snapshots;
  readonly #pack: boolean;
  readonly #abort = new AbortController();
  readonly #log = new StepLog();
  readonly #outcome: Promise<StepOutcome>;

  private constructor(snapshots: Snapshots, layer: NewLayer, work: StepWork, { pack, signal }: How) {
    this.layer = layer;
    this.#snapshots = snapshots;
    this.#pack = pack;
    this.#outcome = work.execute(layer, this.#log, AbortSignal.any([signal, this.#abort.signal]), pack);
    this.#outcome.catch(() => {});
  }

  /** There is so much to read that it pays. `isKnown`: the cache has results of it, with these files or others. */
  static async pays(work: StepWork, isKnown: () => boolean): Promise<boolean> {
    const isMuch = async (changed: boolean) => ((await work.unread?.(changed)) ?? 0) >= LEAST_BYTES;
    if (!(await isMuch(false)) || availableParallelism() === 1) return false;
    return !isKnown() || (await isMuch(true));
  }

  /** @returns undefined when the disk is too full to try. */
  static async begin(snapshots: Snapshots, work: StepWork, how: How): Promise<HeadStart | undefined> {
    const bytes = (await work.size?.()) ?? 0;
    const layer = await newLayer(snapshots, work.chain);
    const { available, blockSize } = statfs(layer.folder);
    if (bytes * SHARE < available * blockSize) return new HeadStart(snapshots, layer, work, how);
    await layer[Symbol.asyncDispose]();
    return undefined;
  }

  /** It was not in vain: waits for what it comes to. @throws as `work.execute` */
  finish(log: StepLog): Promise<StepOutcome> {
    this.#log.listen(({ stream, data }) => log.write(stream, data));
    // To the disk while it is hashed: publishing the image waits for that. Whether it succeeds is told there.
    if (this.#pack) this.#snapshots.flush().catch(() => {});
    return this.#outcome;
  }

  /** Throws the layer away if it was not committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#outcome.catch(() => {});
    await this.layer[Symbol.asyncDispose]();
  }
}
