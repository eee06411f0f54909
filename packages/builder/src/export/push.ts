import { type Digest, systemError } from "@berth/base";
import { familiarReference, type Reference } from "@berth/spec";
import { authHost } from "../solve/images.ts";
import type { BuildScope } from "../solve/scope.ts";
import type { Step } from "../solve/steps.ts";
import type { Artifact } from "./artifact.ts";

export interface PushOptions {
  /** The registry may speak HTTP, or have a certificate that nobody vouches for. */
  insecure?: boolean;
  /** Under its digest alone. */
  byDigest?: boolean;
}

/** Uploads an artifact under a name: blobs, then configurations, then manifests, then the index. @throws what the registry says */
export async function pushArtifact(
  scope: BuildScope,
  artifact: Artifact,
  reference: Reference,
  step: Step,
  options: PushOptions = {},
): Promise<Digest> {
  const { signal, context, request } = scope;
  const { registry, content } = context.parts;
  const repository = registry.repository(
    { domain: reference.domain, path: reference.path },
    {
      credentials: { find: (domain) => request.auth?.credentials(authHost(domain)) },
      ...(options.insecure && { insecure: true }),
    },
  );
  step.status(`pushing layers`, 0, 0);
  const done = new Set<Digest>();
  for (const { digest, size } of artifact.blobs) {
    if (done.has(digest)) continue;
    done.add(digest);
    const id = `pushing ${digest}`;
    if ((await repository.checkBlob(digest, signal)) === undefined) {
      const { path, encoding } = content.locate(digest);
      if (encoding !== "identity") throw systemError(`blob ${digest} is not kept as it is`);
      const onProgress = (sent: number) => step.status(id, sent, size);
      await repository.uploadBlob({ kind: "file", path, digest, size }, { signal, onProgress });
    }
    step.status(id, size, size, true);
  }
  for (const { bytes } of artifact.configs) await repository.putBlob(bytes, signal);
  step.status("pushing layers", 0, 0, true);
  const id = `pushing manifest for ${familiarReference(reference)}`;
  step.status(id, 0, 0);
  for (const { descriptor, bytes } of artifact.manifests) {
    if (descriptor.digest === artifact.root.descriptor.digest) continue;
    await repository.putManifest(
      { digest: descriptor.digest },
      { mediaType: descriptor.mediaType, bytes },
      signal,
    );
  }
  const { descriptor, bytes } = artifact.root;
  const selector =
    reference.tag === undefined || options.byDigest ? { digest: descriptor.digest } : { tag: reference.tag };
  const digest = await repository.putManifest(selector, { mediaType: descriptor.mediaType, bytes }, signal);
  step.status(`${id}@${digest}`, 0, 0, true);
  return digest;
}
