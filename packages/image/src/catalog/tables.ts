/**
 * Steps of the image tables; never changed once released, only added to.
 * `images.config` are the exact bytes that the id is the digest of. `retained`: removed by force while containers use it.
 * `image_names.reference` is a full reference, `docker.io/library/busybox:latest` or `…@sha256:…`.
 * `layer_blobs`: the blob that unpacks to the layer `diff_id` (itself, or compressed), and the bytes of its uncompressed tar.
 * `layer_sources`: under which digests registries have a layer, and in which repositories: a push need not send it again.
 * `image_manifests`: the manifest that an image was pulled or pushed with.
 * `fetched_layers`: layers of pulls that did not end; the next pull begins with them. `fetched`: milliseconds since 1970.
 */
export const STEPS: readonly string[] = [
  `CREATE TABLE images (
     id TEXT PRIMARY KEY,
     config BLOB NOT NULL,
     parent TEXT NOT NULL DEFAULT '',
     last_tagged TEXT NOT NULL DEFAULT '',
     retained INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE TABLE image_names (
     reference TEXT PRIMARY KEY,
     image TEXT NOT NULL REFERENCES images (id)
   ) STRICT;
   CREATE INDEX image_names_of ON image_names (image);
   CREATE TABLE layer_blobs (
     diff_id TEXT PRIMARY KEY,
     blob TEXT NOT NULL,
     tar_size INTEGER NOT NULL
   ) STRICT;`,
  `CREATE TABLE layer_sources (
     diff_id TEXT NOT NULL,
     digest TEXT NOT NULL,
     size INTEGER NOT NULL,
     media_type TEXT NOT NULL,
     repository TEXT NOT NULL,
     seen INTEGER NOT NULL,
     PRIMARY KEY (diff_id, digest, repository)
   ) STRICT;
   CREATE TABLE image_manifests (
     image TEXT PRIMARY KEY,
     media_type TEXT NOT NULL,
     bytes BLOB NOT NULL
   ) STRICT;`,
  `CREATE TABLE fetched_layers (
     chain_id TEXT PRIMARY KEY,
     diff_id TEXT NOT NULL,
     fetched INTEGER NOT NULL
   ) STRICT;`,
];
