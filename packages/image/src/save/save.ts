import { decompress, detectStream, END_OF_ARCHIVE, encodeHeader, padding } from "@berth/archive";
import { type Digest, sha256, systemError } from "@berth/base";
import { familiarReference } from "@berth/spec";
import { createdTime, type ImageContext, imageEvent } from "../context.ts";
import type { Hold } from "../layers/holds.ts";
import type { ByteStream } from "../store.ts";
import { checkPlatform } from "../views/inspect.ts";
import {
  blobPath,
  dockerManifestOf,
  indexOf,
  manifestOf,
  OCI_LAYOUT,
  repositoriesOf,
  type SavedImage,
  type SavedLayer,
} from "./documents.ts";
import { imagesToSave } from "./names.ts";

/**
 * `GET /images/get`: one tar that is a docker-archive and an OCI layout. The same images give the same bytes.
 * @throws not-found before the first byte; later failures break the stream.
 */
export function saveImages(
  context: ImageContext,
  names: readonly string[],
  platform: string | undefined,
  signal: AbortSignal,
): ByteStream {
  const asked = imagesToSave(context.catalog, names);
  if (platform !== undefined && platform !== "") {
    for (const [id, [reference]] of asked) {
      const shown = reference === undefined ? id : familiarReference(reference);
      checkPlatform(context.catalog.get(id)!, shown, platform);
    }
  }
  const hold = context.holds.take();
  let chunks: AsyncGenerator<Uint8Array>;
  try {
    const images = [...asked].map(([id, references]) => describe(context, id, references, asked, hold));
    chunks = archive(context, images, hold, signal);
  } catch (error) {
    hold[Symbol.dispose]();
    throw error;
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        // The generator may not have begun, and then runs nothing of its own.
        hold[Symbol.dispose]();
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 1 },
  );
}

function describe(
  context: ImageContext,
  id: Digest,
  names: SavedImage["names"],
  all: ReadonlyMap<Digest, unknown>,
  hold: Hold,
): SavedImage {
  const { catalog, content } = context;
  const image = catalog.get(id)!;
  const layers = image.config.rootfs.diff_ids.map((diffId) => {
    const known = catalog.layerBlob(diffId);
    if (known === undefined || !content.has(known.blob)) {
      throw systemError(`the content of layer ${diffId} is not there`, { hint: "Load the image again." });
    }
    hold.lease.hold(known.blob);
    return { diffId, tarSize: known.tarSize, blob: known.blob };
  });
  const parent = image.parent !== undefined && all.has(image.parent) ? image.parent : undefined;
  return { id, configBytes: catalog.configBytes(id), layers, names, parent };
}

async function* archive(
  context: ImageContext,
  images: readonly SavedImage[],
  hold: Hold,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    const manifests = new Map(images.map((image) => [image.id, manifestOf(image)] as const));
    const written = new Set<Digest>();
    yield folder("blobs/");
    yield folder("blobs/sha256/");
    for (const image of images) {
      const record = context.catalog.get(image.id);
      const time = record === undefined ? 0 : Math.max(0, Math.floor(createdTime(record) / 1000));
      for (const document of [image.configBytes, manifests.get(image.id)!]) {
        const digest = sha256(document);
        if (!written.has(digest)) yield file(blobPath(digest), document, time);
        written.add(digest);
      }
      for (const layer of image.layers) {
        if (written.has(layer.diffId)) continue;
        written.add(layer.diffId);
        yield header(blobPath(layer.diffId), layer.tarSize, time);
        yield* layerTar(context, layer, signal);
        yield new Uint8Array(padding(layer.tarSize));
      }
    }
    yield file("index.json", indexOf(images, manifests));
    yield file("manifest.json", dockerManifestOf(images));
    yield file("oci-layout", OCI_LAYOUT);
    yield file("repositories", repositoriesOf(images));
    yield END_OF_ARCHIVE;
    for (const { id } of images) {
      const image = context.catalog.get(id);
      if (image !== undefined) imageEvent(context, "save", image, id, id);
    }
  } finally {
    hold[Symbol.dispose]();
  }
}

/** The uncompressed tar of a layer, held against its digest. @throws system when it is not what it was. */
async function* layerTar(
  context: ImageContext,
  { diffId, tarSize, blob }: SavedLayer,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const isPlain = blob === diffId;
  const hash = new Bun.CryptoHasher("sha256");
  let size = 0;
  let pieces: AsyncIterable<Uint8Array> = context.content.open(blob);
  if (!isPlain) {
    const detected = await detectStream(pieces);
    pieces = decompress(detected.compression, detected.source);
  }
  for await (const piece of pieces) {
    signal.throwIfAborted();
    size += piece.length;
    if (size > tarSize) break;
    // The store verifies what it gives out itself.
    if (!isPlain) hash.update(piece);
    // A copy: a piece of a decompressed stream is only valid until the next one is asked for.
    yield isPlain ? piece : piece.slice();
  }
  const digest = isPlain ? diffId : `sha256:${hash.digest("hex")}`;
  if (size !== tarSize || digest !== diffId) throw systemError(`layer ${diffId} is damaged on disk`);
}

const OWNER = { uid: 0, gid: 0 };

function folder(name: string): Uint8Array {
  return encodeHeader({
    type: "directory",
    name,
    mode: 0o755,
    ...OWNER,
    mtime: { seconds: 0, nanoseconds: 0 },
  });
}

function header(name: string, size: number, time = 0): Uint8Array {
  return encodeHeader({
    type: "file",
    name,
    size,
    mode: 0o644,
    ...OWNER,
    mtime: { seconds: time, nanoseconds: 0 },
  });
}

function file(name: string, bytes: Uint8Array, time = 0): Uint8Array {
  return Buffer.concat([
    header(name, bytes.byteLength, time),
    bytes,
    new Uint8Array(padding(bytes.byteLength)),
  ]);
}
