import { RegistryError } from "../errors.ts";
import type { ContentDigest } from "../names.ts";
import type { EventTarget } from "../observe/events.ts";
import type { PullThrough } from "../proxy/pull-through.ts";
import { deleteBlob, statBlob } from "../repository/blobs.ts";
import type { RepositoryContext } from "../repository/context.ts";
import { blobKey } from "../storage/paths.ts";
import type { Exchange } from "./exchange.ts";
import { matchesEtag, parseRange } from "./ranges.ts";

/** GET and HEAD (end-2), with ranges and conditions. */
export async function getBlob(
  context: RepositoryContext,
  exchange: Exchange,
  name: string,
  digest: ContentDigest,
  proxy: PullThrough | undefined,
): Promise<Response> {
  const { request } = exchange;
  const size = await statBlob(context, name, digest);
  if (size === undefined) {
    if (proxy !== undefined) return await proxy.blob(name, digest, request);
    throw new RegistryError("BLOB_UNKNOWN", { detail: digest });
  }
  const response = await blobResponse(context, request, digest, size);
  if (response.status < 300 || response.status === 307)
    await exchange.happened("pull", () => blobTarget(name, digest, size));
  return response;
}

/** A blob as events name it. */
export function blobTarget(repository: string, digest: ContentDigest, size: number): EventTarget {
  return { mediaType: "application/octet-stream", size, digest, repository };
}

/** The answer for a blob that is there. */
export async function blobResponse(
  { store }: RepositoryContext,
  request: Request,
  digest: ContentDigest,
  size: number,
): Promise<Response> {
  const headers: Record<string, string> = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "max-age=31536000",
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": digest,
    ETag: `"${digest}"`,
  };
  if (matchesEtag(request.headers.get("if-none-match"), digest))
    return new Response(null, { status: 304, headers });
  const isHead = request.method === "HEAD";
  // Ranges are for GET only (RFC 9110, 14.2); If-Range with another entity asks for the whole.
  const ifRange = request.headers.get("if-range");
  const range =
    isHead || (ifRange !== null && !matchesEtag(ifRange, digest))
      ? undefined
      : parseRange(request.headers.get("range"), size);
  if (range === "unsatisfiable")
    throw new RegistryError("RANGE_INVALID", {
      headers: { "Content-Range": `bytes */${size}` },
      detail: `the blob has ${size} bytes`,
    });
  if (isHead) {
    headers["Content-Length"] = String(size);
    return new Response(null, { headers });
  }
  const elsewhere = store.redirect?.(blobKey(digest));
  if (elsewhere !== undefined)
    return new Response(null, {
      status: 307,
      headers: { Location: elsewhere, "Docker-Content-Digest": digest },
    });
  const body = await store.body(blobKey(digest), size, range);
  if (range !== undefined) {
    headers["Content-Range"] = `bytes ${range.start}-${range.end - 1}/${size}`;
    headers["Content-Length"] = String(range.end - range.start);
    return new Response(body, { status: 206, headers });
  }
  headers["Content-Length"] = String(size);
  return new Response(body, { headers });
}

/** DELETE (end-10). */
export async function deleteBlobResponse(
  context: RepositoryContext,
  exchange: Exchange,
  name: string,
  digest: ContentDigest,
): Promise<Response> {
  await deleteBlob(context, name, digest);
  await exchange.happened("delete", () => ({ digest, repository: name }));
  return new Response(null, { status: 202, headers: { "Docker-Content-Digest": digest } });
}
