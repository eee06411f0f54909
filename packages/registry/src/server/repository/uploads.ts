import { RegistryError } from "../errors.ts";
import { type Algorithm, algorithmOf, type ContentDigest, digestOf } from "../names.ts";
import { blobKey, uploadFolder } from "../storage/paths.ts";
import { linkBlob } from "./blobs.ts";
import type { HashState, RepositoryContext } from "./context.ts";

/** Hash states kept at once; the oldest is forgotten, which costs that upload a second reading. */
const MOST_HASHES = 4096;

export interface Chunk {
  source: AsyncIterable<Uint8Array>;
  /** From `Content-Range`; absent: at the end of what is there. */
  range?: { start: number; end: number };
  /** From `Content-Length`. */
  length?: number;
}

/** Begins an upload. @returns its id. */
export async function beginUpload(
  context: RepositoryContext,
  name: string,
  algorithm: Algorithm,
): Promise<string> {
  const id = crypto.randomUUID();
  const folder = uploadFolder(name, id);
  await context.store.createUpload(folder);
  keepHash(context, folder, { hasher: new Bun.CryptoHasher(algorithm), algorithm, offset: 0 });
  return id;
}

/** Bytes that an upload has. @throws BLOB_UPLOAD_UNKNOWN. */
export async function uploadOffset(context: RepositoryContext, name: string, id: string): Promise<number> {
  const size = await context.store.uploadSize(uploadFolder(name, id));
  if (size === undefined) throw unknown(id);
  return size;
}

/** Adds a chunk. @returns bytes that the upload has now. @throws BLOB_UPLOAD_UNKNOWN, RANGE_INVALID, SIZE_INVALID. */
export function appendChunk(
  context: RepositoryContext,
  name: string,
  id: string,
  chunk: Chunk,
): Promise<number> {
  return context.uploadLocks.run(id, () => append(context, name, id, chunk));
}

/** Adds the last chunk, if there is one, and makes the upload a blob: durable when it resolves. @throws also DIGEST_INVALID. */
export function finishUpload(
  context: RepositoryContext,
  name: string,
  id: string,
  digest: ContentDigest,
  last: Chunk | undefined,
): Promise<void> {
  return context.uploadLocks.run(id, async () => {
    const folder = uploadFolder(name, id);
    if (last === undefined) await uploadOffset(context, name, id);
    else await append(context, name, id, last);
    const actual = await digestOfUpload(context, folder, algorithmOf(digest));
    if (actual !== digest) {
      await discard(context, folder);
      throw new RegistryError("DIGEST_INVALID", { detail: { provided: digest, actual } });
    }
    using _hold = await context.holds.hold([digest]);
    await context.store.publishUpload(folder, blobKey(digest));
    context.hashes.delete(folder);
    await linkBlob(context, name, digest);
  });
}

/** A whole blob from one stream. @param begun told the upload's folder. @throws as `finishUpload`. */
export async function uploadWhole(
  context: RepositoryContext,
  name: string,
  digest: ContentDigest,
  chunk: Chunk,
  begun?: (folder: string) => void,
): Promise<void> {
  const id = await beginUpload(context, name, algorithmOf(digest));
  try {
    begun?.(uploadFolder(name, id));
    await finishUpload(context, name, id, digest, chunk);
  } catch (error) {
    await discard(context, uploadFolder(name, id));
    throw error;
  }
}

/** @throws BLOB_UPLOAD_UNKNOWN. */
export function cancelUpload(context: RepositoryContext, name: string, id: string): Promise<void> {
  return context.uploadLocks.run(id, async () => {
    await uploadOffset(context, name, id);
    await discard(context, uploadFolder(name, id));
  });
}

async function append(context: RepositoryContext, name: string, id: string, chunk: Chunk): Promise<number> {
  const folder = uploadFolder(name, id);
  const offset = await uploadOffset(context, name, id);
  const { range, length } = chunk;
  if (range !== undefined && range.start !== offset) throw outOfOrder(name, id, offset);
  if (range !== undefined && length !== undefined && range.end - range.start !== length)
    throw new RegistryError("SIZE_INVALID", {
      detail: `${length} bytes for a range of ${range.end - range.start}`,
    });
  const { maxBlobBytes } = context.limits();
  if (maxBlobBytes !== undefined && length !== undefined && offset + length > maxBlobBytes)
    throw tooLarge(maxBlobBytes);
  let state = context.hashes.get(folder);
  if (state?.offset !== offset) {
    context.hashes.delete(folder);
    state = offset === 0 ? fresh() : undefined;
  }
  // A clone: when the storage fails in between, the hash must be that of what it has.
  const working = state?.hasher.copy();
  let seen = offset;
  const tap = (piece: Uint8Array) => {
    seen += piece.byteLength;
    if (maxBlobBytes !== undefined && seen > maxBlobBytes) throw tooLarge(maxBlobBytes);
    working?.update(piece);
  };
  const remember = (size: number) => {
    if (working !== undefined && seen === size)
      keepHash(context, folder, { hasher: working, algorithm: state!.algorithm, offset: size });
    else context.hashes.delete(folder);
  };
  let size: number;
  try {
    size = await context.store.appendUpload(folder, offset, chunk.source, tap);
  } catch (error) {
    remember((await context.store.uploadSize(folder)) ?? -1);
    throw error;
  }
  remember(size);
  const expected = length ?? (range === undefined ? undefined : range.end - range.start);
  if (expected !== undefined && size - offset !== expected)
    throw new RegistryError("SIZE_INVALID", { detail: `${size - offset} bytes instead of ${expected}` });
  return size;
}

async function digestOfUpload(
  context: RepositoryContext,
  folder: string,
  algorithm: Algorithm,
): Promise<ContentDigest> {
  const size = await context.store.uploadSize(folder);
  if (size === 0) return digestOf("", algorithm);
  const state = context.hashes.get(folder);
  if (state !== undefined && state.algorithm === algorithm && state.offset === size)
    return `${algorithm}:${state.hasher.copy().digest("hex")}`;
  const hasher = new Bun.CryptoHasher(algorithm);
  for await (const piece of await context.store.readUpload(folder)) hasher.update(piece);
  return `${algorithm}:${hasher.digest("hex")}`;
}

async function discard(context: RepositoryContext, folder: string): Promise<void> {
  context.hashes.delete(folder);
  await context.store.removeUpload(folder);
}

function keepHash(context: RepositoryContext, folder: string, state: HashState): void {
  context.hashes.delete(folder);
  context.hashes.set(folder, state);
  if (context.hashes.size > MOST_HASHES) context.hashes.delete(context.hashes.keys().next().value!);
}

const fresh = (): HashState => ({
  hasher: new Bun.CryptoHasher("sha256"),
  algorithm: "sha256",
  offset: 0,
});

const unknown = (id: string) => new RegistryError("BLOB_UPLOAD_UNKNOWN", { detail: { id } });

const tooLarge = (maximum: number) =>
  new RegistryError("SIZE_INVALID", { status: 413, message: `blob is larger than ${maximum} bytes` });

function outOfOrder(name: string, id: string, offset: number): RegistryError {
  return new RegistryError("RANGE_INVALID", {
    detail: `the upload has ${offset} bytes`,
    headers: { Location: `/v2/${name}/blobs/uploads/${id}`, Range: `0-${Math.max(0, offset - 1)}` },
  });
}
