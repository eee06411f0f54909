import { BerthError, type Digest, invalidParameter, isKind } from "@berth/base";
import type { Repository } from "@berth/registry";
import {
  chainIds,
  type Descriptor,
  type ImageConfigFile,
  isConfigType,
  isLayerType,
  MAX_CONFIG_BYTES,
  MEDIA_TYPE,
  parseImageConfig,
  repositoryOf,
} from "@berth/spec";
import type { LayerBlob, LayerSource } from "../catalog/catalog.ts";
import type { ImageContext } from "../context.ts";
import type { Hold } from "../layers/holds.ts";
import { freeFetched } from "../removal/free.ts";
import type { ChosenManifest } from "./choose.ts";
import { isOutOfSpace } from "./errors.ts";
import { type LayerWork, makeLayer } from "./layer.ts";
import { layerMessages, layerName, plain } from "./messages.ts";
import type { Send } from "./pull.ts";
import { BelowGone } from "./stages.ts";

export interface FetchedImage {
  id: Digest;
  configBytes: Uint8Array;
  /** Chain ids, base first. */
  chain: readonly Digest[];
  /** For the catalog, by diff id. */
  blobs: Map<Digest, LayerBlob>;
  sources: Map<Digest, LayerSource>;
}

/** Times that a layer is begun again because who made the one below went away. */
const MOST_RESTARTS = 5;

/**
 * Makes sure that configuration, blobs and unpacked layers of an image are there. All layers are fetched and unpacked at the
 * same time; those that are there are left out. When it fails, what is complete stays for the next pull.
 * @throws invalid-parameter for an image that is none; then, and on a full disk, nothing of it stays, and `hold` is over.
 */
export async function fetchImage(
  context: ImageContext,
  repository: Repository,
  { manifest }: ChosenManifest,
  hold: Hold,
  send: Send,
  signal: AbortSignal,
): Promise<FetchedImage> {
  const { catalog } = context;
  const { mediaType } = manifest.config;
  if (!isConfigType(mediaType)) {
    throw invalidParameter(
      manifest.mediaType === MEDIA_TYPE.dockerManifest
        ? `Encountered remote ${JSON.stringify(mediaType.slice(0, 200))}(unknown) when fetching`
        : `unsupported media type ${mediaType.slice(0, 200)}`,
    );
  }
  const odd = manifest.layers.find((layer) => !isLayerType(layer.mediaType));
  if (odd !== undefined) throw invalidParameter(`unsupported media type ${odd.mediaType.slice(0, 200)}`);
  const id = manifest.config.digest;
  const known = catalog.get(id);
  const whole =
    known !== undefined && !known.retained && known.chain.every((each) => context.snapshots.has(each));
  const configBytes = whole
    ? catalog.configBytes(id)
    : await fetchConfig(repository, manifest.config, signal);
  const config = parseImageConfig(configBytes);
  check(config, manifest.layers);
  const diffIds = config.rootfs.diff_ids;
  const sources = new Map(
    diffIds.map((diffId, n): [Digest, LayerSource] => {
      const { digest, size, mediaType } = manifest.layers[n]!;
      return [diffId, { digest, size, mediaType, repository: repositoryOf(repository.name) }];
    }),
  );
  const chain = chainIds(diffIds);
  for (const chainId of chain) hold.layer(chainId);
  const blobs = new Map<Digest, LayerBlob>();
  if (whole) return { id, configBytes, chain, blobs, sources };
  const work = new Work(context, repository, manifest.layers, diffIds, chain, hold, send, signal);
  try {
    for (const [n, blob] of (await work.run()).entries()) {
      if (blob !== undefined) blobs.set(diffIds[n]!, blob);
    }
  } catch (error) {
    // An image that is none is not pulled again, and room on a full disk is for others: what came of it goes at once.
    const isFull = isOutOfSpace(error);
    if (isFull || isKind(error, "invalid-parameter")) {
      hold[Symbol.dispose]();
      await freeFetched(context, (chainId) => chain.includes(chainId));
    }
    if (isFull) {
      await context.content.dropPartials((digest) =>
        manifest.layers.some((layer) => layer.digest === digest),
      );
    }
    throw error;
  }
  return { id, configBytes, chain, blobs, sources };
}

async function fetchConfig(
  repository: Repository,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Uint8Array> {
  try {
    return await repository.fetchBlob(descriptor, MAX_CONFIG_BYTES, signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof BerthError)) throw error;
    const { kind, message } = error;
    const words =
      kind === "invalid-parameter"
        ? `image config verification failed for digest ${descriptor.digest}`
        : message;
    throw new BerthError(kind, `error pulling image configuration: ${words}`, { cause: error });
  }
}

function check(config: ImageConfigFile, layers: readonly Descriptor[]): void {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== layers.length) {
    throw invalidParameter("layers from manifest don't match image configuration", {
      hint: `The manifest has ${layers.length} layers, the configuration ${diffIds.length}.`,
    });
  }
  if (config.os.toLowerCase() !== "linux") {
    throw invalidParameter(
      `image operating system ${JSON.stringify(config.os.slice(0, 100))} cannot be used on this platform`,
    );
  }
}

class Work {
  readonly #context: ImageContext;
  readonly #repository: Repository;
  readonly #layers: readonly Descriptor[];
  readonly #diffIds: readonly Digest[];
  readonly #chain: readonly Digest[];
  readonly #hold: Hold;
  readonly #send: Send;
  readonly #signal: AbortSignal;

  constructor(
    context: ImageContext,
    repository: Repository,
    layers: readonly Descriptor[],
    diffIds: readonly Digest[],
    chain: readonly Digest[],
    hold: Hold,
    send: Send,
    signal: AbortSignal,
  ) {
    this.#context = context;
    this.#repository = repository;
    this.#layers = layers;
    this.#diffIds = diffIds;
    this.#chain = chain;
    this.#hold = hold;
    this.#send = send;
    this.#signal = signal;
  }

  /** The blob of each layer that is new to the catalog. */
  async run(): Promise<(LayerBlob | undefined)[]> {
    const missing = this.#layers.map((_, n) => !this.#isThere(n));
    for (const [n, layer] of this.#layers.entries()) {
      this.#send(plain(layerName(layer), missing[n] ? "Pulling fs layer" : "Already exists"));
    }
    // A layer that cannot be had ends the others.
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#signal, stop.signal]);
    const running = missing.map((wanted, n) => (wanted ? this.#make(n, signal) : undefined));
    for (const each of running) each?.catch((error: unknown) => stop.abort(error));
    const results: (LayerBlob | undefined)[] = [];
    try {
      for (const [n, each] of running.entries()) {
        results.push(await each);
        if (each !== undefined) this.#send(plain(layerName(this.#layers[n]!), "Pull complete"));
      }
      return results;
    } catch (error) {
      stop.abort(error);
      await Promise.allSettled(running);
      throw this.#signal.aborted ? error : stop.signal.reason;
    }
  }

  #isThere(n: number): boolean {
    const { catalog, content, snapshots } = this.#context;
    if (!snapshots.has(this.#chain[n]!)) return false;
    const blob = catalog.layerBlob(this.#diffIds[n]!);
    // The blob of a layer that was built here is made when it is needed.
    if (blob !== undefined && content.has(blob.blob)) this.#hold.lease.hold(blob.blob);
    return true;
  }

  /** A pull that is cut off after it begins with this layer the next time, also after a restart of the daemon. */
  #keep({ chainId, diffId }: LayerWork, blob: LayerBlob): void {
    this.#context.catalog.change(
      (change) => {
        change.setLayerBlob(diffId, blob);
        change.addFetched(chainId, { diffId, fetched: Date.now() });
      },
      { durable: false },
    );
  }

  async #make(n: number, signal: AbortSignal): Promise<LayerBlob> {
    const descriptor = this.#layers[n]!;
    const work: LayerWork = {
      repository: this.#repository,
      descriptor,
      diffId: this.#diffIds[n]!,
      chainId: this.#chain[n]!,
      parents: this.#chain.slice(0, n),
      index: n,
    };
    this.#hold.lease.hold(descriptor.digest);
    const listener = layerMessages(layerName(descriptor), this.#send);
    const { layers } = this.#context.transfers;
    for (let attempt = 1; ; attempt++) {
      try {
        const blob = await layers.run(work.chainId, listener, signal, async (tell, stop) => {
          const made = await makeLayer(this.#context, work, tell, stop);
          // Here, because nobody may be waiting for it any more.
          this.#keep(work, made);
          return made;
        });
        this.#hold.lease.hold(blob.blob);
        return blob;
      } catch (error) {
        if (!(error instanceof BelowGone) || attempt === MOST_RESTARTS) throw error;
        signal.throwIfAborted();
      }
    }
  }
}
