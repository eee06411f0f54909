import { type Digest, invalidParameter, sha256, tooLarge } from "@berth/base";
import { type Descriptor, isDistributed } from "@berth/spec";
import type { BlobName, OpenedBlob } from "../client.ts";
import { ConnectionError, RegistryError } from "../errors.ts";
import { drop, type EndpointClient, failureOf, watched } from "../http/endpoint-client.ts";
import { retrying } from "../http/retry.ts";
import { fromAny, type Remote, scopeOf } from "./context.ts";

const pathOf = (remote: Remote, digest: Digest) => `/${remote.name.path}/blobs/${digest}`;

/** Where a blob comes from may be told by its descriptor when the registry has none (layers that are not distributed). */
const MOST_URLS = 4;

export async function openBlob(
  remote: Remote,
  blob: BlobName,
  range: { offset: number; end?: number; once?: boolean },
  signal: AbortSignal,
): Promise<OpenedBlob> {
  // Of other blobs a manifest could name any address that this machine reaches.
  const urls = isDistributed(blob.mediaType) ? [] : (blob.urls ?? []);
  try {
    return await fromAny(
      remote,
      "blob",
      signal,
      (client) => open(client, pathOf(remote, blob.digest), remote, range, signal),
      range.once,
    );
  } catch (error) {
    if (!(error instanceof RegistryError) || error.status !== 404 || urls.length === 0) throw error;
    for (const url of urls.filter((each) => /^https?:\/\//.test(each)).slice(0, MOST_URLS)) {
      try {
        return await open(remote.pull.at(-1)!, url, remote, range, signal);
      } catch {
        // The registry's own error is the one to tell.
      }
    }
    throw error;
  }
}

async function open(
  client: EndpointClient,
  target: string,
  remote: Remote,
  { offset, end }: { offset: number; end?: number },
  signal: AbortSignal,
): Promise<OpenedBlob> {
  const ranged = offset > 0 || end !== undefined;
  const response = await client.send({
    method: "GET",
    target,
    headers: ranged ? { Range: `bytes=${offset}-${end === undefined ? "" : end - 1}` } : {},
    scopes: [scopeOf(remote.name.path, "pull")],
    signal,
  });
  if (response.status === 416 && ranged) {
    await drop(response);
    // A registry that takes no ranges of this kind gives the whole.
    return await open(client, target, remote, { offset: 0 }, signal);
  }
  if (response.status === 404) {
    await drop(response);
    // In Docker's words, whatever the registry says.
    throw new RegistryError(404, "BLOB_UNKNOWN", "unknown blob");
  }
  if (response.status !== 200 && response.status !== 206) throw await failureOf(response);
  const encoding = response.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") {
    await drop(response);
    throw new ConnectionError(`a blob came with the encoding ${encoding.slice(0, 50)}`, "", false);
  }
  const { start, size } = placeOf(response);
  if (start > offset || (response.status === 206 && start !== offset)) {
    await drop(response);
    throw new ConnectionError(`the registry sent another part of the blob than was asked for`, "", true);
  }
  return { offset: start, size, ranged: response.status === 206, body: bodyOf(response) };
}

function placeOf(response: Response): { start: number; size: number | undefined } {
  const length = response.headers.get("content-length");
  const size = length === null ? undefined : Number(length);
  if (response.status === 200) return { start: 0, size };
  const found = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(
    response.headers.get("content-range") ?? "",
  );
  if (found === null) return { start: Number.POSITIVE_INFINITY, size: undefined };
  return { start: Number(found[1]), size: found[3] === "*" ? undefined : Number(found[3]) };
}

function bodyOf(response: Response): ReadableStream<Uint8Array> {
  const pieces = watched(response);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return(undefined);
        await drop(response);
      },
    },
    { highWaterMark: 0 },
  );
}

export async function fetchBlob(
  remote: Remote,
  descriptor: Descriptor,
  maximum: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { digest, size } = descriptor;
  if (size > maximum) throw tooLarge(`content ${digest} has ${size} bytes, more than ${maximum}`);
  return await retrying("small blob", remote.attempts, signal, async () => {
    const { body } = await openBlob(remote, descriptor, { offset: 0, once: true }, signal);
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of body) {
      length += part.length;
      if (length > size) break;
      parts.push(part);
    }
    const bytes = Buffer.concat(parts);
    if (length < size)
      throw new ConnectionError(`content ${digest} ends after ${length} of ${size} bytes`, "", true);
    if (length > size || sha256(bytes) !== digest) {
      throw invalidParameter(`filesystem layer verification failed for digest ${digest}`);
    }
    return bytes;
  });
}

/** HEAD of a blob in the registry itself: its size when it is there. */
export async function checkBlob(
  remote: Remote,
  digest: Digest,
  signal: AbortSignal,
): Promise<number | undefined> {
  return await retrying("check blob", remote.attempts, signal, async () => {
    const response = await remote.push.send({
      method: "HEAD",
      target: pathOf(remote, digest),
      scopes: [scopeOf(remote.name.path, "pull,push")],
      signal,
    });
    await drop(response);
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw await failureOf(response);
    const length = response.headers.get("content-length");
    return length === null ? 0 : Number(length);
  });
}
