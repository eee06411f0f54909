import { END_OF_ARCHIVE, encodeHeader, padding } from "@berth/archive";
import { type Digest, encoded } from "@berth/base";
import {
  ANNOTATION_CONTAINERD_NAME,
  ANNOTATION_REF_NAME,
  familiarReference,
  type Reference,
} from "@berth/spec";
import type { BuildScope } from "../solve/scope.ts";
import type { Artifact } from "./artifact.ts";
import { fullName } from "./store-image.ts";

const blobPath = (digest: Digest) => `blobs/sha256/${encoded(digest)}`;

/** An OCI layout as a tar; `annotations` are those of the entry in its index. With `docker` also Docker's manifest.json, so that `docker load` takes it. The same input gives the same bytes. */
export async function* layoutArchive(
  scope: BuildScope,
  artifact: Artifact,
  names: readonly Reference[],
  { docker, annotations = {} }: { docker: boolean; annotations?: Readonly<Record<string, string>> },
): AsyncGenerator<Uint8Array> {
  const time = scope.epoch ?? 0;
  const written = new Set<Digest>();
  yield folder("blobs/", time);
  yield folder("blobs/sha256/", time);
  for (const { digest, size } of artifact.blobs) {
    if (written.has(digest)) continue;
    written.add(digest);
    yield header(blobPath(digest), size, time);
    for await (const piece of scope.context.parts.content.open(digest)) {
      scope.signal.throwIfAborted();
      yield piece;
    }
    const filling = padding(size);
    if (filling > 0) yield new Uint8Array(filling);
  }
  const documents = [...artifact.configs, ...artifact.manifests, artifact.root];
  for (const { descriptor, bytes } of documents) {
    if (written.has(descriptor.digest)) continue;
    written.add(descriptor.digest);
    yield* file(blobPath(descriptor.digest), bytes, time);
  }
  yield* file("index.json", json(indexOf(artifact, names, annotations)), time);
  if (docker) {
    const manifests = artifact.images.map(({ config, layers }) => ({
      Config: blobPath(config.descriptor.digest),
      RepoTags: names.map(familiarReference),
      Layers: layers.map(({ digest }) => blobPath(digest)),
    }));
    yield* file("manifest.json", json(manifests), time);
  }
  yield* file("oci-layout", json({ imageLayoutVersion: "1.0.0" }), time);
  yield END_OF_ARCHIVE;
}

function indexOf(
  artifact: Artifact,
  names: readonly Reference[],
  annotations: Readonly<Record<string, string>>,
) {
  const own = artifact.root.descriptor;
  const all = { ...own.annotations, ...annotations };
  const descriptor = { ...own, ...(Object.keys(all).length > 0 && { annotations: all }) };
  const entries = names.map((name) => ({
    ...descriptor,
    annotations: {
      ...descriptor.annotations,
      [ANNOTATION_CONTAINERD_NAME]: fullName(name),
      [ANNOTATION_REF_NAME]: name.tag ?? "latest",
    },
  }));
  return {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: entries.length === 0 ? [descriptor] : entries,
  };
}

const OWNER = { uid: 0, gid: 0 };

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function folder(name: string, seconds: number): Uint8Array {
  return encodeHeader({ type: "directory", name, mode: 0o755, ...OWNER, mtime: { seconds, nanoseconds: 0 } });
}

function header(name: string, size: number, seconds: number): Uint8Array {
  return encodeHeader({
    type: "file",
    name,
    size,
    mode: 0o644,
    ...OWNER,
    mtime: { seconds, nanoseconds: 0 },
  });
}

function* file(name: string, bytes: Uint8Array, seconds: number): Generator<Uint8Array> {
  yield header(name, bytes.byteLength, seconds);
  yield bytes;
  const filling = padding(bytes.byteLength);
  if (filling > 0) yield new Uint8Array(filling);
}
