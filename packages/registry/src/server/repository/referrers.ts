import { algorithmOf, type ContentDigest, hexOf } from "../names.ts";
import { referrersFolder, revisionKey } from "../storage/paths.ts";
import type { RepositoryContext } from "./context.ts";
import { byCodeUnit, type Page, type PageRequest } from "./listing.ts";
import { type Referrer, readManifestDocument, referrerDescriptor } from "./manifest-document.ts";
import { findManifest } from "./manifests.ts";

/** Bytes of descriptors that a page has at most, so that annotations of any size cannot fill the memory. */
const PAGE_BYTES = 4 << 20;
/** Bytes read before other requests get a turn. */
const TURN_BYTES = 1 << 20;

/** The tag of the list that clients keep in a registry without referrers (distribution-spec, "Referrers Tag Schema"). */
const fallbackTag = (subject: ContentDigest): string =>
  `${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}`;

/** Manifests whose subject is `subject`, by digest; of one artifact type if asked. */
export async function listReferrers(
  context: RepositoryContext,
  name: string,
  subject: ContentDigest,
  artifactType: string | undefined,
  { last, count }: PageRequest,
): Promise<Page<Referrer>> {
  const { store } = context;
  const folder = referrersFolder(name, subject);
  const own = new Set((await store.list(folder)).map((entry) => entry.replace("-", ":") as ContentDigest));
  const before = await fallbackList(context, name, subject);
  const entries: Referrer[] = [];
  let bytes = 0;
  let turn = 0;
  for (const digest of [...new Set([...own, ...before])].sort(byCodeUnit)) {
    if (digest <= last) continue;
    const found = own.has(digest)
      ? await readReferrer(context, name, `${folder}/${digest.replace(":", "-")}`, digest)
      : await earlierReferrer(context, name, subject, digest);
    if (found === undefined) continue;
    turn += found.bytes;
    if (turn > TURN_BYTES) {
      turn = 0;
      await Bun.sleep(0);
    }
    if (artifactType !== undefined && found.referrer.artifactType !== artifactType) continue;
    bytes += found.bytes;
    if (entries.length === count || (entries.length > 0 && bytes > PAGE_BYTES))
      return { entries, more: true };
    entries.push(found.referrer);
  }
  return { entries, more: false };
}

interface Found {
  referrer: Referrer;
  bytes: number;
}

/** What was written down when the manifest was pushed; undefined when it is gone. */
async function readReferrer(
  { store }: RepositoryContext,
  name: string,
  key: string,
  digest: ContentDigest,
): Promise<Found | undefined> {
  if ((await store.stat(revisionKey(name, digest))) === undefined) return undefined;
  const bytes = await store.read(key);
  if (bytes === undefined) return undefined;
  return { referrer: JSON.parse(new TextDecoder().decode(bytes)) as Referrer, bytes: bytes.byteLength };
}

/** What the list names that clients wrote when the folder was served by a registry without referrers. */
async function fallbackList(
  context: RepositoryContext,
  name: string,
  subject: ContentDigest,
): Promise<ContentDigest[]> {
  const index = await findManifest(context, name, fallbackTag(subject));
  if (index === undefined) return [];
  try {
    return readManifestDocument(index.bytes).manifests.map(({ digest }) => digest);
  } catch {
    return [];
  }
}

/** A manifest that was pushed to such a registry: it counts when it says itself that it has this subject. */
async function earlierReferrer(
  context: RepositoryContext,
  name: string,
  subject: ContentDigest,
  digest: ContentDigest,
): Promise<Found | undefined> {
  const manifest = await findManifest(context, name, digest);
  if (manifest === undefined) return undefined;
  try {
    const document = readManifestDocument(manifest.bytes);
    if (document.subject?.digest !== subject) return undefined;
    const { byteLength } = manifest.bytes;
    return { referrer: referrerDescriptor(digest, byteLength, document), bytes: byteLength };
  } catch {
    return undefined;
  }
}
