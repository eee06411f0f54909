import type { ProgressMessage } from "@berth/api";
import { invalidParameter, systemError } from "@berth/base";
import type { Repository } from "@berth/registry";
import {
  type Descriptor,
  familiarReference,
  familiarRepository,
  isTag,
  type Manifest,
  MEDIA_TYPE,
  parseManifest,
  parseReference,
  type Reference,
  repositoryOf,
} from "@berth/spec";
import type { ImageRecord } from "../catalog/catalog.ts";
import type { ImageContext } from "../context.ts";
import { MessageChannel, progressMessage } from "../progress.ts";
import { plain } from "../pull/messages.ts";
import { openRepository, type Send } from "../pull/pull.ts";
import type { PushOptions } from "../store.ts";
import { findForPlatform } from "../views/inspect.ts";
import { type PushNews, pushLayer } from "./layer.ts";
import { namesLayers, pushedName, writeManifest } from "./manifest.ts";

/** Milliseconds between two messages of progress of one layer. */
const PACE = 100;

/** `POST /images/{name}/push`. */
export async function* pushImages(
  context: ImageContext,
  options: PushOptions,
  signal: AbortSignal,
): AsyncGenerator<ProgressMessage> {
  const named = parseReference(options.image);
  if (named.digest !== undefined) throw invalidParameter("cannot push a digest reference");
  const tag = options.tag === "" ? named.tag : options.tag;
  if (tag !== undefined && !isTag(tag)) throw invalidParameter("invalid tag format");
  const reference: Reference = { domain: named.domain, path: named.path, ...(tag !== undefined && { tag }) };
  const channel = new MessageChannel<ProgressMessage>();
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  try {
    yield* channel.while(push(context, reference, options, channel.send, both));
  } finally {
    stop.abort();
  }
}

async function push(
  context: ImageContext,
  reference: Reference,
  options: PushOptions,
  send: Send,
  signal: AbortSignal,
): Promise<void> {
  const { catalog } = context;
  send({ status: `The push refers to repository [${repositoryOf(reference)}]` });
  const known = catalog.inRepository(repositoryOf(reference));
  const name = familiarRepository(reference);
  if (known.length === 0) throw systemError(`An image does not exist locally with the tag: ${name}`);
  const tagged = known.filter((each) => each.reference.digest === undefined);
  const chosen = tagged.filter((each) => reference.tag === undefined || each.reference.tag === reference.tag);
  if (chosen.length === 0) {
    throw systemError(
      reference.tag === undefined
        ? `no tags to push for ${name}`
        : `tag does not exist: ${familiarReference(reference)}`,
    );
  }
  const repository = openRepository(context, reference, options.login);
  for (const each of chosen) {
    const image = findForPlatform(context, familiarReference(each.reference), options.platform);
    await pushOne(context, repository, each.reference, image, send, signal);
  }
  const id = catalog.idOf(reference);
  const labels = id === undefined ? {} : catalog.get(id)?.config.config?.Labels;
  context.emit({ action: "push", id: familiarReference(reference), name, attributes: { ...labels } });
}

async function pushOne(
  context: ImageContext,
  repository: Repository,
  reference: Reference,
  image: ImageRecord,
  send: Send,
  signal: AbortSignal,
): Promise<void> {
  const { catalog } = context;
  using hold = context.holds.take();
  for (const chainId of image.chain) hold.layer(chainId);
  const diffIds = image.config.rootfs.diff_ids;
  const stored = storedManifest(context, image);
  // Topmost first, as Docker has it.
  for (const diffId of diffIds.toReversed()) send(plain(pushedName(diffId), "Preparing"));
  const held = await heldIndex(context, repository, reference, image, signal);
  if (held !== undefined) {
    for (const diffId of diffIds.toReversed()) send(plain(pushedName(diffId), "Layer already exists"));
    return done(reference, held, send);
  }
  const configBytes = catalog.configBytes(image.id);

  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  // A layer that is there twice is sent once.
  const byDiffId = new Map<string, Promise<Descriptor>>();
  const running = diffIds.map((diffId, index) => {
    const same = byDiffId.get(diffId);
    if (same !== undefined) return same;
    const wanted = stored?.manifest.layers[index];
    const listener = messages(pushedName(diffId), send);
    const work = pushLayer(context, { repository, image, index, wanted, hold }, listener, both);
    byDiffId.set(diffId, work);
    return work;
  });
  const config = repository.putBlob(configBytes, both);
  const all = Promise.all([config, ...running]);
  for (const each of [config, ...running]) each.catch((error: unknown) => stop.abort(error));
  try {
    await all;
  } catch (error) {
    await Promise.allSettled([config, ...running]);
    throw signal.aborted ? error : (stop.signal.reason ?? error);
  }
  const layers = await Promise.all(running);
  const manifest =
    stored !== undefined && namesLayers(stored.manifest, layers)
      ? stored
      : writeManifest({ digest: image.id, size: configBytes.byteLength }, layers);
  const digest = await repository.putManifest({ tag: reference.tag! }, manifest, signal);
  const { domain, path } = reference;
  catalog.change((change) => {
    for (const [index, { digest, size, mediaType }] of layers.entries()) {
      change.addLayerSource(diffIds[index]!, {
        digest,
        size,
        mediaType,
        repository: repositoryOf(reference),
      });
    }
    change.setManifest(image.id, manifest);
    if (catalog.idOf({ domain, path, digest }) !== image.id)
      change.setName({ domain, path, digest }, image.id);
  });
  done(reference, { digest, size: manifest.bytes.byteLength }, send);
}

function done(reference: Reference, { digest, size }: Pick<Descriptor, "digest" | "size">, send: Send): void {
  send({ status: `${reference.tag}: digest: ${digest} size: ${size}` });
  send({ progressDetail: {}, aux: { Tag: reference.tag!, Digest: digest, Size: size } });
}

const INDEXES: readonly string[] = [MEDIA_TYPE.ociIndex, MEDIA_TYPE.dockerManifestList];

/**
 * What the tag names at the registry, when that is an index with this image in it: sending the image alone would take the other
 * platforms and the attestations away. buildx pushes so, after the build has pushed the index.
 */
async function heldIndex(
  { catalog }: ImageContext,
  repository: Repository,
  reference: Reference,
  image: ImageRecord,
  signal: AbortSignal,
): Promise<Descriptor | undefined> {
  const digests = catalog
    .inRepository(repositoryOf(reference))
    .filter(({ id }) => id === image.id)
    .flatMap(({ reference: { digest } }) => (digest === undefined ? [] : [digest]));
  if (digests.length === 0) return undefined;
  const there = await repository.resolve({ tag: reference.tag! }, signal).catch(() => undefined);
  signal.throwIfAborted();
  return there !== undefined && INDEXES.includes(there.mediaType) && digests.includes(there.digest)
    ? there
    : undefined;
}

/** The manifest that the image came with, when it can still be read. */
function storedManifest(
  context: ImageContext,
  image: ImageRecord,
): { mediaType: string; bytes: Uint8Array; manifest: Manifest } | undefined {
  const stored = context.catalog.manifest(image.id);
  if (stored === undefined) return undefined;
  try {
    const manifest = parseManifest(stored.bytes, stored.mediaType);
    return manifest.layers.length === image.chain.length ? { ...stored, manifest } : undefined;
  } catch {
    return undefined;
  }
}

function messages(id: string, send: Send): (news: PushNews) => void {
  let last = 0;
  return (news) => {
    switch (news.step) {
      case "exists":
        return send(plain(id, "Layer already exists"));
      case "skipped":
        return send(plain(id, "Skipped foreign layer"));
      case "mounted":
        return send(plain(id, `Mounted from ${news.from}`));
      case "pushed":
        return send(plain(id, "Pushed"));
      case "pushing": {
        const time = Date.now();
        if (time - last < PACE && news.current < news.total) return;
        last = time;
        return send(progressMessage(id, "Pushing", news.current, news.total));
      }
    }
  };
}
