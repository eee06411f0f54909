import { RegistryError } from "../errors.ts";
import {
  type Algorithm,
  type ContentDigest,
  digestOf,
  isContentDigest,
  isName,
  parseContentDigest,
} from "../names.ts";
import type { EventTarget } from "../observe/events.ts";
import { mountBlob, statBlob } from "../repository/blobs.ts";
import type { RepositoryContext } from "../repository/context.ts";
import {
  appendChunk,
  beginUpload,
  type Chunk,
  cancelUpload,
  finishUpload,
  uploadOffset,
  uploadWhole,
} from "../repository/uploads.ts";
import { blobTarget } from "./blob-handlers.ts";
import type { Exchange } from "./exchange.ts";
import { parseChunkRange } from "./ranges.ts";
import { bodyOf, contentLength } from "./read-body.ts";

/** POST (end-4a, 4b, 11): begins an upload, takes a whole blob, or mounts one of another repository. */
export async function startUpload(
  context: RepositoryContext,
  exchange: Exchange,
  name: string,
): Promise<Response> {
  const { request, query } = exchange;
  const mount = query.get("mount");
  const from = query.get("from");
  if (mount !== null && from !== null && isContentDigest(mount) && isName(from)) {
    const maySee = exchange.may({ type: "repository", name: from, action: "pull" });
    if (maySee && (await mountBlob(context, name, from, mount))) {
      await exchange.happened("mount", async () => ({
        ...(await pushed(context, name, mount)),
        fromRepository: from,
      }));
      return created(name, mount);
    }
  }
  const digestText = query.get("digest");
  if (digestText !== null) {
    const digest = parseContentDigest(digestText);
    const length = contentLength(request);
    // Without content it is the beginning of an upload, unless it is the blob without content.
    if (length !== 0 || digest === digestOf("", algorithmIn(digest))) {
      await uploadWhole(context, name, digest, chunkOf(request));
      await exchange.happened("push", () => pushed(context, name, digest));
      return created(name, digest);
    }
  }
  const id = await beginUpload(context, name, algorithm(query));
  return progress(202, name, id, 0);
}

/** PATCH (end-5). */
export async function patchUpload(
  context: RepositoryContext,
  { request }: Exchange,
  name: string,
  id: string,
): Promise<Response> {
  return progress(202, name, id, await appendChunk(context, name, id, chunkOf(request)));
}

/** PUT (end-6): the last chunk, if any, and the digest. */
export async function putUpload(
  context: RepositoryContext,
  exchange: Exchange,
  name: string,
  id: string,
): Promise<Response> {
  const { request, query } = exchange;
  const text = query.get("digest");
  if (text === null) throw new RegistryError("DIGEST_INVALID", { detail: "digest missing" });
  const digest = parseContentDigest(text);
  const hasBody = request.body !== null && contentLength(request) !== 0;
  await finishUpload(context, name, id, digest, hasBody ? chunkOf(request) : undefined);
  await exchange.happened("push", () => pushed(context, name, digest));
  return created(name, digest);
}

/** A blob that has come, as events name it. */
async function pushed(context: RepositoryContext, name: string, digest: ContentDigest): Promise<EventTarget> {
  return blobTarget(name, digest, (await statBlob(context, name, digest)) ?? 0);
}

/** GET (end-13). */
export async function uploadStatus(context: RepositoryContext, name: string, id: string): Promise<Response> {
  return progress(204, name, id, await uploadOffset(context, name, id));
}

/** DELETE. */
export async function deleteUpload(context: RepositoryContext, name: string, id: string): Promise<Response> {
  await cancelUpload(context, name, id);
  return new Response(null, { status: 204, headers: { "Docker-Upload-UUID": id } });
}

function chunkOf(request: Request): Chunk {
  const header = request.headers.get("content-range");
  const range = header === null ? undefined : parseChunkRange(header);
  if (header !== null && range === undefined)
    throw new RegistryError("RANGE_INVALID", { detail: `malformed Content-Range: ${header.slice(0, 100)}` });
  const length = contentLength(request);
  return {
    source: bodyOf(request),
    ...(range !== undefined && { range }),
    ...(length !== undefined && { length }),
  };
}

const algorithmIn = (digest: ContentDigest): Algorithm =>
  digest.startsWith("sha512:") ? "sha512" : "sha256";

/** distribution-spec 1.1, "Pushing a blob in chunks": `digest-algorithm`. */
function algorithm(query: URLSearchParams): Algorithm {
  const text = query.get("digest-algorithm") ?? query.get("digest")?.split(":")[0] ?? "sha256";
  if (text === "sha256" || text === "sha512") return text;
  throw new RegistryError("DIGEST_INVALID", { detail: `unsupported digest algorithm ${text.slice(0, 50)}` });
}

function progress(status: number, name: string, id: string, size: number): Response {
  return new Response(null, {
    status,
    headers: {
      Location: `/v2/${name}/blobs/uploads/${id}`,
      Range: `0-${Math.max(0, size - 1)}`,
      "Docker-Upload-UUID": id,
    },
  });
}

function created(name: string, digest: ContentDigest): Response {
  return new Response(null, {
    status: 201,
    headers: { Location: `/v2/${name}/blobs/${digest}`, "Docker-Content-Digest": digest },
  });
}
