import { RegistryError } from "../errors.ts";
import { looksLikeDigest, parseContentDigest } from "../names.ts";
import type { EventTarget } from "../observe/events.ts";
import type { PullThrough } from "../proxy/pull-through.ts";
import type { RepositoryContext } from "../repository/context.ts";
import { type DocumentDescriptor, readManifestDocument } from "../repository/manifest-document.ts";
import { deleteManifest, type FoundManifest, findManifest, putManifest } from "../repository/manifests.ts";
import type { Exchange } from "./exchange.ts";
import { matchesEtag } from "./ranges.ts";
import { readBody } from "./read-body.ts";

/** GET and HEAD (end-3). */
export async function getManifest(
  context: RepositoryContext,
  exchange: Exchange,
  name: string,
  reference: string,
  proxy: PullThrough | undefined,
): Promise<Response> {
  const { request } = exchange;
  const found: FoundManifest | undefined =
    proxy === undefined
      ? await findManifest(context, name, reference)
      : await proxy.manifest(name, reference);
  if (found === undefined)
    throw new RegistryError("MANIFEST_UNKNOWN", {
      detail: reference.includes(":") ? { Name: name, Revision: reference } : { Tag: reference },
    });
  const headers: Record<string, string> = {
    "Content-Type": found.mediaType,
    "Docker-Content-Digest": found.digest,
    ETag: `"${found.digest}"`,
  };
  if (matchesEtag(request.headers.get("if-none-match"), found.digest))
    return new Response(null, { status: 304, headers });
  await exchange.happened("pull", () => manifestTarget(name, reference, found));
  if (request.method === "HEAD") {
    headers["Content-Length"] = String(found.bytes.byteLength);
    return new Response(null, { headers });
  }
  return new Response(found.bytes as Uint8Array<ArrayBuffer>, { headers });
}

/** A manifest as events name it. */
function manifestTarget(repository: string, reference: string, found: FoundManifest): EventTarget {
  const { bytes, digest, mediaType } = found;
  return {
    mediaType,
    size: bytes.byteLength,
    digest,
    repository,
    ...(!looksLikeDigest(reference) && { tag: reference }),
    references: namedBy(bytes).map(({ mediaType: type, size, digest: each }) => ({
      mediaType: type,
      size,
      digest: each,
    })),
  };
}

function namedBy(bytes: Uint8Array): DocumentDescriptor[] {
  try {
    const { blobs, manifests } = readManifestDocument(bytes);
    return [...blobs, ...manifests];
  } catch {
    return [];
  }
}

/** PUT (end-7). */
export async function putManifestResponse(
  context: RepositoryContext,
  exchange: Exchange,
  name: string,
  reference: string,
): Promise<Response> {
  const { request } = exchange;
  const bytes = await readBody(request, context.limits().maxManifestBytes);
  const declared = request.headers.get("content-type")?.replace(/;.*/s, "").trim().toLowerCase();
  // What HTTP libraries send when nobody said a type.
  const isNoType =
    declared === undefined ||
    ["", "application/json", "application/octet-stream", "text/plain"].includes(declared);
  const { digest, document } = await putManifest(
    context,
    name,
    reference,
    bytes,
    isNoType ? undefined : declared,
  );
  const { mediaType } = document;
  await exchange.happened("push", () => manifestTarget(name, reference, { bytes, digest, mediaType }));
  return new Response(null, {
    status: 201,
    headers: {
      Location: `/v2/${name}/manifests/${digest}`,
      "Docker-Content-Digest": digest,
      ...(document.subject !== undefined && { "OCI-Subject": document.subject.digest }),
    },
  });
}

/** DELETE (end-9). */
export async function deleteManifestResponse(
  context: RepositoryContext,
  exchange: Exchange,
  name: string,
  reference: string,
): Promise<Response> {
  await deleteManifest(context, name, reference);
  await exchange.happened("delete", () => ({
    repository: name,
    ...(looksLikeDigest(reference) ? { digest: parseContentDigest(reference) } : { tag: reference }),
  }));
  return new Response(null, { status: 202 });
}
