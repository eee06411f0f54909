import { open } from "node:fs/promises";
import { DETECTION_BYTES, detectCompression } from "@berth/archive";
import type { Digest } from "@berth/base";
import type { BlobSource, Repository } from "@berth/registry";
import { type Descriptor, isDistributed, MEDIA_TYPE, repositoryOf } from "@berth/spec";
import type { ImageRecord, LayerSource } from "../catalog/catalog.ts";
import type { ImageContext } from "../context.ts";
import { ensureBlob } from "../layers/ensure-blobs.ts";
import type { Hold } from "../layers/holds.ts";

/** What becomes of a layer. */
export type PushNews =
  | { step: "exists" | "pushed" | "skipped" }
  | { step: "mounted"; from: string }
  | { step: "pushing"; current: number; total: number };

export interface LayerPush {
  repository: Repository;
  image: ImageRecord;
  index: number;
  /** What the manifest that the image came with says of the layer. */
  wanted: Descriptor | undefined;
  hold: Hold;
}

/** As many are tried as Docker does. */
const MOST_MOUNTS = 4;
const MOST_CHECKS = 3;

/**
 * Sees to it that a registry has a layer: as it is known to have it already, mounted from another repository, or sent, as it
 * came or compressed. @returns how the registry has it.
 */
export async function pushLayer(
  context: ImageContext,
  { repository, image, index, wanted, hold }: LayerPush,
  tell: (news: PushNews) => void,
  signal: AbortSignal,
): Promise<Descriptor> {
  const { catalog, content } = context;
  const diffId = image.config.rootfs.diff_ids[index]!;
  if (wanted !== undefined && isForeign(wanted)) {
    tell({ step: "skipped" });
    return wanted;
  }
  const own = repositoryOf(repository.name);
  const sources = catalog.layerSources(diffId);
  const stored = await storedDescriptor(context, diffId, hold);
  // A form that can also be sent comes before one that can only be found.
  const candidates = unique([
    ...(wanted === undefined ? [] : [wanted]),
    ...(stored === undefined ? [] : [stored]),
    ...sources.map(descriptorOf),
  ]);
  const checked = new Set<Digest>();
  const check = async (candidate: Descriptor) => {
    checked.add(candidate.digest);
    return (await repository.checkBlob(candidate.digest, signal)) !== undefined;
  };
  const exists = (candidate: Descriptor) => {
    tell({ step: "exists" });
    return candidate;
  };
  for (const candidate of candidates) {
    const isHere = sources.some((each) => each.digest === candidate.digest && each.repository === own);
    if (isHere && checked.size < MOST_CHECKS && (await check(candidate))) return exists(candidate);
  }
  let mounts = 0;
  for (const candidate of candidates) {
    for (const source of sources) {
      const from = sameRegistry(source, repository);
      if (source.digest !== candidate.digest || from === undefined || mounts === MOST_MOUNTS) continue;
      mounts++;
      if (await repository.mountBlob(candidate.digest, from, signal)) {
        tell({ step: "mounted", from });
        return candidate;
      }
    }
  }
  for (const candidate of candidates) {
    if (checked.has(candidate.digest) || checked.size >= MOST_CHECKS) continue;
    if (await check(candidate)) return exists(candidate);
  }
  using _turn = await context.transfers.uploads.take(signal);
  const descriptor =
    wanted !== undefined && content.has(wanted.digest)
      ? await sendStored(context, repository, wanted, tell, signal)
      : stored !== undefined
        ? await sendStored(context, repository, stored, tell, signal)
        : await sendCompressed(context, { repository, image, index, wanted, hold }, tell, signal);
  tell({ step: "pushed" });
  return descriptor;
}

function unique(candidates: readonly Descriptor[]): Descriptor[] {
  return [...new Map(candidates.toReversed().map((each) => [each.digest, each])).values()].reverse();
}

const descriptorOf = ({ digest, size, mediaType }: LayerSource): Descriptor => ({ digest, size, mediaType });

/** Layers that must not be distributed stay where they are. */
function isForeign({ mediaType, urls }: Descriptor): boolean {
  return (urls?.length ?? 0) > 0 && !isDistributed(mediaType);
}

/** The repository's path when a source is in the same registry, but not in the same repository. */
function sameRegistry(source: LayerSource, { name }: Repository): string | undefined {
  const prefix = `${name.domain}/`;
  const path = source.repository.startsWith(prefix) ? source.repository.slice(prefix.length) : undefined;
  return path === name.path ? undefined : path;
}

/** The layer's blob when it is kept compressed, as it came. */
async function storedDescriptor(
  context: ImageContext,
  diffId: Digest,
  hold: Hold,
): Promise<Descriptor | undefined> {
  const { catalog, content } = context;
  const known = catalog.layerBlob(diffId);
  if (known === undefined || known.blob === diffId || !content.has(known.blob)) return undefined;
  hold.lease.hold(known.blob);
  const file = await open(content.locate(known.blob).path, "r");
  const head = new Uint8Array(DETECTION_BYTES);
  try {
    await file.read(head, 0, head.length, 0);
  } finally {
    await file.close();
  }
  const compression = detectCompression(head);
  const mediaType =
    compression === "gzip"
      ? MEDIA_TYPE.dockerLayerGzip
      : compression === "zstd"
        ? MEDIA_TYPE.ociLayerZstd
        : undefined;
  if (mediaType === undefined) return undefined;
  return { mediaType, digest: known.blob, size: content.size(known.blob)! };
}

async function sendStored(
  context: ImageContext,
  repository: Repository,
  descriptor: Descriptor,
  tell: (news: PushNews) => void,
  signal: AbortSignal,
): Promise<Descriptor> {
  const { content } = context;
  const { digest, size } = descriptor;
  const { path, encoding } = content.locate(digest);
  const source: BlobSource =
    encoding === "identity"
      ? { kind: "file", path, digest, size }
      : { kind: "stream", open: () => ({ body: content.open(digest), digest: () => digest }) };
  await repository.uploadBlob(source, {
    signal,
    onProgress: (current) => tell({ step: "pushing", current, total: size }),
  });
  return { ...descriptor, size };
}

/** A layer that is kept as a tar goes out as gzip, which every engine reads. The same tar gives the same bytes. */
async function sendCompressed(
  context: ImageContext,
  { repository, image, index, hold }: LayerPush,
  tell: (news: PushNews) => void,
  signal: AbortSignal,
): Promise<Descriptor> {
  const { blob, tarSize } = await ensureBlob(context, image, index, hold, signal);
  const file = context.content.locate(blob);
  const stored = Bun.file(file.path).size;
  const { digest, size } = await repository.uploadBlob(
    {
      kind: "stream",
      open: () =>
        context.jobs.gzipBlob(
          {
            digest: blob,
            file,
            onPosition: (read) =>
              tell({ step: "pushing", current: Math.round((read / stored) * tarSize), total: tarSize }),
          },
          signal,
        ),
    },
    { signal },
  );
  return { mediaType: MEDIA_TYPE.dockerLayerGzip, digest, size };
}
