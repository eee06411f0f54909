import { RegistryError } from "../errors.ts";
import type { ContentDigest } from "../names.ts";
import { blobKey, layerKey, revisionKey } from "../storage/paths.ts";
import type { RepositoryContext } from "./context.ts";

/**
 * Bytes of a blob that a repository has, undefined when it has none. The client may rely on it from now on: its link is touched.
 */
export async function statBlob(
  { store, touchAfter }: RepositoryContext,
  name: string,
  digest: ContentDigest,
): Promise<number | undefined> {
  const layer = layerKey(name, digest);
  // Docker's registry serves manifests as blobs too.
  const link = (await store.stat(layer)) ?? (await store.stat(revisionKey(name, digest)));
  if (link === undefined) return undefined;
  const blob = await store.stat(blobKey(digest));
  if (blob === undefined) return undefined;
  if (Date.now() - link.modified > touchAfter) await store.touch(layer);
  return blob.size;
}

/** Lets a repository serve a blob that is there. */
export async function linkBlob(
  { store }: RepositoryContext,
  name: string,
  digest: ContentDigest,
): Promise<void> {
  const key = layerKey(name, digest);
  if ((await store.stat(key)) === undefined) await store.write([[key, digest]]);
  else await store.touch(key);
}

/** @returns whether `from` has the blob, which `name` has then too. */
export async function mountBlob(
  context: RepositoryContext,
  name: string,
  from: string,
  digest: ContentDigest,
): Promise<boolean> {
  using _hold = await context.holds.hold([digest]);
  if ((await statBlob(context, from, digest)) === undefined) return false;
  await linkBlob(context, name, digest);
  return true;
}

/** The repository forgets the blob; the collector frees the room. @throws BLOB_UNKNOWN. */
export async function deleteBlob(
  { store }: RepositoryContext,
  name: string,
  digest: ContentDigest,
): Promise<void> {
  const key = layerKey(name, digest);
  if ((await store.stat(key)) === undefined) throw new RegistryError("BLOB_UNKNOWN", { detail: { digest } });
  await store.remove([key]);
}
