/**
 * The layout, which is that of Docker's registry, so that folders and buckets can be taken over from it and given back:
 *
 *   docker/registry/v2/
 *     blobs/<alg>/<2 hex>/<hex>/data                           content, of manifests too
 *     repositories/<name>/_layers/<alg>/<hex>/link             the repository may serve that blob
 *     repositories/<name>/_manifests/revisions/<alg>/<hex>/link   it has that manifest
 *     repositories/<name>/_manifests/tags/<tag>/current/link   what the tag means
 *     repositories/<name>/_referrers/<alg>/<hex>/<alg>-<hex>   (Berth's) descriptor of a manifest whose subject is <alg>:<hex>
 *     repositories/<name>/_uploads/<uuid>/                     an upload, in the storage's own form
 *     _berth/                                                  (Berth's) keys, temporary files
 *
 * A link holds a digest as text.
 */
import { algorithmOf, type ContentDigest, hexOf } from "../names.ts";

export const ROOT = "docker/registry/v2";
export const REPOSITORIES = `${ROOT}/repositories`;
export const BLOBS = `${ROOT}/blobs`;
export const OWN = `${ROOT}/_berth`;

const spread = (digest: ContentDigest): string => `${algorithmOf(digest)}/${hexOf(digest)}`;

export function blobKey(digest: ContentDigest): string {
  const hex = hexOf(digest);
  return `${BLOBS}/${algorithmOf(digest)}/${hex.slice(0, 2)}/${hex}/data`;
}

export const repositoryFolder = (name: string): string => `${REPOSITORIES}/${name}`;
export const layersFolder = (name: string): string => `${REPOSITORIES}/${name}/_layers`;
export const layerKey = (name: string, digest: ContentDigest): string =>
  `${REPOSITORIES}/${name}/_layers/${spread(digest)}/link`;
export const revisionsFolder = (name: string): string => `${REPOSITORIES}/${name}/_manifests/revisions`;
export const revisionKey = (name: string, digest: ContentDigest): string =>
  `${REPOSITORIES}/${name}/_manifests/revisions/${spread(digest)}/link`;
export const tagsFolder = (name: string): string => `${REPOSITORIES}/${name}/_manifests/tags`;
export const tagFolder = (name: string, tag: string): string => `${tagsFolder(name)}/${tag}`;
export const tagKey = (name: string, tag: string): string => `${tagsFolder(name)}/${tag}/current/link`;
export const referrersFolder = (name: string, subject: ContentDigest): string =>
  `${REPOSITORIES}/${name}/_referrers/${spread(subject)}`;
export const referrerKey = (name: string, subject: ContentDigest, digest: ContentDigest): string =>
  `${referrersFolder(name, subject)}/${algorithmOf(digest)}-${hexOf(digest)}`;
export const uploadsFolder = (name: string): string => `${REPOSITORIES}/${name}/_uploads`;
export const uploadFolder = (name: string, id: string): string => `${uploadsFolder(name)}/${id}`;
