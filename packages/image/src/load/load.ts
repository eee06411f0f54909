import type { ProgressMessage } from "@berth/api";
import { type Digest, invalidParameter, sha256, shortId } from "@berth/base";
import { familiarReference, type Reference } from "@berth/spec";
import type { LayerBlob } from "../catalog/catalog.ts";
import { type ImageContext, imageEvent } from "../context.ts";
import { describeBlobs } from "../layers/describe.ts";
import type { Hold } from "../layers/holds.ts";
import { unpackLayers } from "../layers/unpack.ts";
import { MessageChannel, progressMessage } from "../progress.ts";
import type { ByteStream } from "../store.ts";
import { now } from "../tag.ts";
import { requestedPlatform } from "../views/inspect.ts";
import { ArchiveMembers } from "./archive-members.ts";
import { DOCKER_MANIFEST, type FoundImage, readDockerArchive } from "./docker-archive.ts";
import { OCI_INDEX, readOciLayout } from "./oci-layout.ts";

export interface LoadOptions {
  quiet: boolean;
  platform?: string;
}

type Send = (message: ProgressMessage) => void;

/**
 * `POST /images/load`: a docker-archive or an OCI layout, in a tar that may be compressed. Blobs and layers first, then
 * each image with its names in one transaction.
 */
export async function* loadImages(
  context: ImageContext,
  tar: ByteStream,
  options: LoadOptions,
  signal: AbortSignal,
): AsyncGenerator<ProgressMessage> {
  const channel = new MessageChannel<ProgressMessage>();
  // The work ends too when the reader of the messages goes away.
  const stop = new AbortController();
  try {
    yield* channel.while(load(context, tar, options, AbortSignal.any([signal, stop.signal]), channel.send));
  } finally {
    stop.abort();
  }
}

async function load(
  context: ImageContext,
  tar: ByteStream,
  options: LoadOptions,
  signal: AbortSignal,
  send: Send,
): Promise<void> {
  const platform = options.platform ? requestedPlatform(options.platform) : undefined;
  using hold = context.holds.take();
  const members = await ArchiveMembers.read(tar, context.content, hold.lease, signal);
  let readers: (() => Promise<FoundImage>)[];
  if (members.get(DOCKER_MANIFEST) !== undefined) readers = await readDockerArchive(members);
  else if (members.get(OCI_INDEX) !== undefined) readers = await readOciLayout(members, platform);
  else {
    throw invalidParameter("invalid archive: does not contain a manifest.json", {
      hint: "Images are loaded from archives of `save`; the files of a container's archive are taken by `import`.",
    });
  }
  const ids: Digest[] = [];
  let named = false;
  for (const read of readers) {
    signal.throwIfAborted();
    const image = await read();
    const id = await loadOne(context, image, hold, options.quiet, signal, send);
    ids.push(id);
    for (const name of image.names) {
      named = true;
      send({ stream: `Loaded image: ${familiarReference(name)}\n` });
    }
  }
  if (!named) for (const id of ids) send({ stream: `Loaded image ID: ${id}\n` });
}

async function loadOne(
  context: ImageContext,
  image: FoundImage,
  hold: Hold,
  quiet: boolean,
  signal: AbortSignal,
  send: Send,
): Promise<Digest> {
  const unpacked = await unpackLayers(context, image.layers, hold, signal, (layer, done) => {
    if (quiet) return;
    const total = context.content.size(layer.blob) ?? 0;
    send(progressMessage(shortId(layer.diffId), "Loading layer", done ? total : 0, total));
  });
  const blobs = await describeBlobs(context, image.layers, unpacked, hold, signal);
  return publish(context, image, blobs, send);
}

/** The image becomes visible, with its names and the blobs of its layers, in one transaction. */
function publish(
  context: ImageContext,
  image: FoundImage,
  blobs: ReadonlyMap<Digest, LayerBlob>,
  send: Send,
): Digest {
  const { catalog } = context;
  const id = sha256(image.configBytes);
  for (const name of image.names) announceMove(context, name, id, send);
  const parent =
    image.parent !== undefined && catalog.get(image.parent) !== undefined ? image.parent : undefined;
  catalog.change((change) => {
    for (const [diffId, blob] of blobs) change.setLayerBlob(diffId, blob);
    change.add({ bytes: image.configBytes, ...(parent !== undefined && { parent }) });
    for (const name of image.names) change.setName(name, id, now());
  });
  imageEvent(context, "load", image, id, id);
  return id;
}

function announceMove(context: ImageContext, name: Reference, id: Digest, send: Send): void {
  const before = context.catalog.idOf(name);
  if (before === undefined || before === id) return;
  send({
    stream: `The image ${familiarReference(name)} already exists, renaming the old one with ID ${before} to empty string\n`,
  });
}
