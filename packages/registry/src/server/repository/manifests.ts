import { RegistryError } from "../errors.ts";
import {
  algorithmOf,
  type ContentDigest,
  digestOf,
  isContentDigest,
  isTag,
  looksLikeDigest,
  parseContentDigest,
} from "../names.ts";
import { blobKey, referrerKey, revisionKey, tagFolder, tagKey, tagsFolder } from "../storage/paths.ts";
import { statBlob } from "./blobs.ts";
import type { RepositoryContext } from "./context.ts";
import { type ManifestDocument, readManifestDocument, referrerDescriptor } from "./manifest-document.ts";

export interface FoundManifest {
  digest: ContentDigest;
  mediaType: string;
  bytes: Uint8Array;
}

/** What a tag means, undefined when there is none. */
export async function resolveTag(
  { store }: RepositoryContext,
  name: string,
  tag: string,
): Promise<ContentDigest | undefined> {
  const link = await store.read(tagKey(name, tag));
  if (link === undefined) return undefined;
  const digest = Buffer.from(link.buffer, link.byteOffset, link.byteLength).toString("latin1").trim();
  return isContentDigest(digest) ? digest : undefined;
}

/** Tags looked at before other requests get a turn. */
const TURN = 256;

/** All tags with what they mean. */
export async function* walkTags(
  context: RepositoryContext,
  name: string,
): AsyncGenerator<[tag: string, digest: ContentDigest]> {
  let count = 0;
  for (const entry of await context.store.list(tagsFolder(name))) {
    if (++count % TURN === 0) await Bun.sleep(0);
    const tag = entry.slice(0, -1);
    const digest = await resolveTag(context, name, tag);
    if (digest !== undefined) yield [tag, digest];
  }
}

/** A manifest by tag or digest; undefined when the repository has none. @throws DIGEST_INVALID. */
export async function findManifest(
  context: RepositoryContext,
  name: string,
  reference: string,
): Promise<FoundManifest | undefined> {
  let digest: ContentDigest | undefined;
  if (looksLikeDigest(reference)) {
    digest = parseContentDigest(reference);
    if ((await context.store.stat(revisionKey(name, digest))) === undefined) return undefined;
  } else digest = isTag(reference) ? await resolveTag(context, name, reference) : undefined;
  if (digest === undefined) return undefined;
  const content = await readManifest(context, digest);
  return content === undefined ? undefined : { digest, ...content };
}

/** The content of a manifest that some repository has. */
export async function readManifest(
  { store, manifests }: RepositoryContext,
  digest: ContentDigest,
): Promise<{ bytes: Uint8Array; mediaType: string } | undefined> {
  const cached = manifests.get(digest);
  if (cached !== undefined) return cached;
  const bytes = await store.read(blobKey(digest));
  if (bytes === undefined) return undefined;
  const found = { bytes, mediaType: mediaTypeOf(bytes) };
  manifests.set(digest, found);
  return found;
}

/** Also of documents that this registry would not take, for example schema 1 of a folder that was taken over. */
function mediaTypeOf(bytes: Uint8Array): string {
  try {
    return readManifestDocument(bytes).mediaType;
  } catch {
    try {
      const { mediaType } = JSON.parse(new TextDecoder().decode(bytes)) as { mediaType?: unknown };
      return typeof mediaType === "string"
        ? mediaType
        : "application/vnd.docker.distribution.manifest.v1+prettyjws";
    } catch {
      return "application/octet-stream";
    }
  }
}

/**
 * Takes a manifest: checked against what the repository has, durable when it resolves.
 * @throws MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID, TAG_INVALID.
 */
export async function putManifest(
  context: RepositoryContext,
  name: string,
  reference: string,
  bytes: Uint8Array,
  declaredType: string | undefined,
): Promise<{ digest: ContentDigest; document: ManifestDocument }> {
  const { store } = context;
  const byDigest = looksLikeDigest(reference) ? parseContentDigest(reference) : undefined;
  if (byDigest === undefined && !isTag(reference)) throw new RegistryError("TAG_INVALID");
  const digest = digestOf(bytes, byDigest === undefined ? "sha256" : algorithmOf(byDigest));
  if (byDigest !== undefined && byDigest !== digest)
    throw new RegistryError("DIGEST_INVALID", { detail: { provided: byDigest, actual: digest } });
  const document = readManifestDocument(bytes, declaredType);
  const { isUrlAllowed } = context.limits();
  const refused = document.blobs.flatMap(({ urls }) => urls).find((url) => isUrlAllowed?.(url) === false);
  if (refused !== undefined)
    throw new RegistryError("MANIFEST_INVALID", {
      detail: `a URL that is not allowed: ${refused.slice(0, 300)}`,
    });
  const needed = [...document.blobs, ...document.manifests];
  using _hold = await context.holds.hold([digest, ...needed.map((each) => each.digest)]);
  await requireReferences(context, name, document);
  return context.manifestLocks.run(`${name}@${digest}`, async () => {
    const objects: [string, string | Uint8Array][] = [];
    if ((await store.stat(blobKey(digest))) === undefined) objects.push([blobKey(digest), bytes]);
    else await store.touch(blobKey(digest));
    if (document.subject !== undefined) objects.push(referrerObject(name, document, digest, bytes));
    const revision = revisionKey(name, digest);
    if ((await store.stat(revision)) === undefined) objects.push([revision, digest]);
    else await store.touch(revision);
    if (byDigest === undefined) objects.push([tagKey(name, reference), digest]);
    await store.write(objects);
    context.manifests.set(digest, { bytes, mediaType: document.mediaType });
    return { digest, document };
  });
}

/** Takes a manifest of another registry, whose blobs may come later; with a tag if it has one. Durable when it resolves. */
export async function keepManifest(
  context: RepositoryContext,
  name: string,
  tag: string | undefined,
  digest: ContentDigest,
  bytes: Uint8Array,
): Promise<void> {
  using _hold = await context.holds.hold([digest]);
  await context.manifestLocks.run(`${name}@${digest}`, async () => {
    const subject = subjectOf(bytes);
    const objects: [string, string | Uint8Array][] = [
      [blobKey(digest), bytes],
      ...(subject === undefined ? [] : [referrerObject(name, subject, digest, bytes)]),
      [revisionKey(name, digest), digest],
    ];
    if (tag !== undefined) objects.push([tagKey(name, tag), digest]);
    await context.store.write(objects);
  });
}

/** A manifest that has a subject, read. */
function subjectOf(bytes: Uint8Array): ManifestDocument | undefined {
  try {
    const document = readManifestDocument(bytes);
    return document.subject === undefined ? undefined : document;
  } catch {
    return undefined;
  }
}

function referrerObject(
  name: string,
  document: ManifestDocument,
  digest: ContentDigest,
  bytes: Uint8Array,
): [string, string] {
  const key = referrerKey(name, document.subject!.digest, digest);
  return [key, JSON.stringify(referrerDescriptor(digest, bytes.byteLength, document))];
}

/** The client relies on it: it is as new. @returns whether the repository has it. */
export async function touchManifest(
  { store, touchAfter }: RepositoryContext,
  name: string,
  digest: ContentDigest,
): Promise<boolean> {
  const key = revisionKey(name, digest);
  const revision = await store.stat(key);
  if (revision === undefined) return false;
  if (Date.now() - revision.modified > touchAfter) await store.touch(key);
  return true;
}

/** What the manifest names must be there, and is touched, as the collector may be at work. */
async function requireReferences(
  context: RepositoryContext,
  name: string,
  document: ManifestDocument,
): Promise<void> {
  const missing: ContentDigest[] = [];
  for (const { digest, urls } of document.blobs) {
    if ((await statBlob(context, name, digest)) === undefined && urls.length === 0) missing.push(digest);
  }
  for (const { digest } of document.manifests) {
    if (
      !(await touchManifest(context, name, digest)) &&
      (await statBlob(context, name, digest)) === undefined
    )
      missing.push(digest);
  }
  if (missing.length === 0) return;
  throw new RegistryError("MANIFEST_BLOB_UNKNOWN", {
    status: 404,
    detail: missing.length === 1 ? { digest: missing[0] } : { digests: missing.slice(0, 100) },
  });
}

/** By tag: the tag goes. By digest: the manifest goes, with its tags. @throws MANIFEST_UNKNOWN, DIGEST_INVALID. */
export async function deleteManifest(
  context: RepositoryContext,
  name: string,
  reference: string,
): Promise<void> {
  const { store } = context;
  if (!looksLikeDigest(reference)) {
    if ((await resolveTag(context, name, reference)) === undefined)
      throw new RegistryError("MANIFEST_UNKNOWN", { detail: { Tag: reference } });
    await store.removeFolder(tagFolder(name, reference));
    return;
  }
  const digest = parseContentDigest(reference);
  await context.manifestLocks.run(`${name}@${digest}`, () => removeRevision(context, name, digest));
}

/** @throws MANIFEST_UNKNOWN. */
export async function removeRevision(
  context: RepositoryContext,
  name: string,
  digest: ContentDigest,
): Promise<void> {
  const { store } = context;
  const revision = revisionKey(name, digest);
  if ((await store.stat(revision)) === undefined)
    throw new RegistryError("MANIFEST_UNKNOWN", { detail: { Name: name, Revision: digest } });
  for await (const [tag, meant] of walkTags(context, name))
    if (meant === digest) await store.removeFolder(tagFolder(name, tag));
  const content = await readManifest(context, digest);
  const subject = content === undefined ? undefined : subjectOf(content.bytes)?.subject;
  await store.remove([
    revision,
    ...(subject === undefined ? [] : [referrerKey(name, subject.digest, digest)]),
  ]);
}
