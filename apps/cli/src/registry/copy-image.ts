import type { Digest } from "@berth/base";
import type { Document, Repository } from "@berth/registry";
import { type Descriptor, isDistributed, isManifest } from "@berth/spec";
import { CommandError } from "../errors.ts";

/** Blobs that are on their way at once. */
const AT_ONCE = 3;

/**
 * Brings a manifest, or an index with all that it names, from one repository to another by its digest: blobs are mounted
 * where the registry can, and go through this process otherwise; nothing is sent that is there.
 */
export async function copyImage(
  from: Repository,
  to: Repository,
  document: Document,
  signal: AbortSignal,
): Promise<void> {
  if (isSame(from, to)) return;
  const { content, descriptor, bytes } = document;
  if (isManifest(content)) {
    const blobs = new Map<Digest, Descriptor>();
    for (const blob of [content.config, ...content.layers]) blobs.set(blob.digest, blob);
    const waiting = [...blobs.values()];
    const work = async () => {
      for (let blob = waiting.shift(); blob !== undefined; blob = waiting.shift()) {
        await copyBlob(from, to, blob, signal);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } else {
    for (const { digest } of content.manifests) {
      if ((await to.resolve({ digest }, signal)) !== undefined) continue;
      await copyImage(from, to, await from.fetchManifest({ digest }, signal), signal);
    }
  }
  const { mediaType, digest } = descriptor;
  await to.putManifest({ digest }, { mediaType, bytes }, signal);
}

export function isSame(a: Repository, b: Repository): boolean {
  return a.name.domain === b.name.domain && a.name.path === b.name.path;
}

async function copyBlob(from: Repository, to: Repository, blob: Descriptor, signal: AbortSignal) {
  // Layers of others (Windows' base layers) are where their URLs say.
  if (blob.urls !== undefined && !isDistributed(blob.mediaType)) return;
  if ((await to.checkBlob(blob.digest, signal)) !== undefined) return;
  if (from.name.domain === to.name.domain && (await to.mountBlob(blob.digest, from.name.path, signal)))
    return;
  const sent = await to.uploadBlob(
    {
      kind: "stream",
      open: () => ({ body: contentOf(from, blob, signal), digest: () => blob.digest }),
    },
    { signal },
  );
  if (sent.digest !== blob.digest)
    throw new CommandError(`the registry took ${blob.digest} as ${sent.digest}`);
}

/** The bytes of a blob, from the beginning, to the last one that its descriptor names. */
async function* contentOf(from: Repository, blob: Descriptor, signal: AbortSignal) {
  const { body } = await from.openBlob(blob, { offset: 0 }, signal);
  const hash = new Bun.CryptoHasher("sha256");
  for await (const piece of body) {
    hash.update(piece);
    yield piece;
  }
  if (`sha256:${hash.digest("hex")}` !== blob.digest)
    throw new CommandError(`${blob.digest}: the content has another digest`);
}
