import { dirname, relative } from "node:path";
import type { Digest } from "@berth/base";
import type { ImageContext } from "../context.ts";

/**
 * How far a layer is that is being made, for the layers above it, which are made at the same time and need only to know where
 * it is, and when it is complete.
 */
export interface Stage extends Disposable {
  /** The folder that it is unpacked into; nothing below it waits for a turn any more. */
  readonly started: PromiseWithResolvers<string>;
  readonly unpacked: PromiseWithResolvers<void>;
}

/** Ends what is undecided when it is disposed. */
export function openStage(context: ImageContext, chainId: Digest): Stage {
  const { stages } = context.transfers;
  const started = Promise.withResolvers<string>();
  const unpacked = Promise.withResolvers<void>();
  for (const { promise } of [started, unpacked]) promise.catch(() => {});
  const stage: Stage = {
    started,
    unpacked,
    [Symbol.dispose]() {
      if (stages.get(chainId) === stage) stages.delete(chainId);
      const gone = new BelowGone();
      started.reject(gone);
      unpacked.reject(gone);
    },
  };
  stages.set(chainId, stage);
  return stage;
}

/** A layer below was not made after all: perhaps by somebody who went away. */
export class BelowGone extends Error {
  constructor() {
    super("a layer below could not be made");
  }
}

const LOOK_AGAIN = 20;

/** The layer below, when it is not there yet: resolves when it has its turn. */
export async function awaitTurn(
  context: ImageContext,
  parent: Digest | undefined,
  signal: AbortSignal,
): Promise<Stage | undefined> {
  while (parent !== undefined && !context.snapshots.has(parent)) {
    signal.throwIfAborted();
    const stage = context.transfers.stages.get(parent);
    if (stage !== undefined) {
      await untilAborted(stage.started.promise, signal);
      return stage;
    }
    // Its maker is just cleaning up, or has not begun.
    await Bun.sleep(LOOK_AGAIN);
  }
  return undefined;
}

/** Where the layers below are and will be: see `GrowingBlob.layers`. */
export async function placesBelow(
  context: ImageContext,
  parents: readonly Digest[],
): Promise<{ root?: string; layers: string[][] }> {
  const { snapshots, transfers } = context;
  const top = parents.at(-1);
  if (top === undefined) return { layers: [] };
  const root = dirname(dirname(snapshots.layerPlace(top)));
  const layers: string[][] = [];
  for (const chainId of parents.toReversed()) {
    if (snapshots.has(chainId)) {
      for (const folder of snapshots.layerFolders(chainId)) layers.push([relative(root, folder)]);
      continue;
    }
    const place = relative(root, snapshots.layerPlace(chainId));
    const stage = transfers.stages.get(chainId);
    layers.push(stage === undefined ? [place] : [relative(root, await stage.started.promise), place]);
  }
  return { root, layers };
}

/** @throws the signal's reason as soon as it fires. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const leave = () => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
