import { type Digest, sha256 } from "@berth/base";
import type { BlobSource, UploadOptions } from "../client.ts";
import { RegistryError } from "../errors.ts";
import { drop, failureOf } from "../http/endpoint-client.ts";
import { retrying } from "../http/retry.ts";
import { checkBlob } from "./blobs.ts";
import { type Remote, scopeOf } from "./context.ts";

/** A registry looks at all of a blob before it answers. */
const COMMIT_WITHIN = 15 * 60_000;
/** Bytes of a piece that is sent while a stream is made. */
const PIECE = 256 * 1024;

const scopes = (remote: Remote) => [scopeOf(remote.name.path, "pull,push")];
const isGood = (response: Response) => response.status >= 200 && response.status < 300;

/** `POST …/uploads/`: where to send a blob. */
async function begin(remote: Remote, signal: AbortSignal): Promise<string> {
  const response = await remote.push.send({
    method: "POST",
    target: `/${remote.name.path}/blobs/uploads/`,
    body: "",
    scopes: scopes(remote),
    signal,
  });
  if (!isGood(response)) throw await failureOf(response);
  await drop(response);
  return remote.push.locationOf(response);
}

/** Mounts a blob of another repository of the same registry. */
export async function mountBlob(
  remote: Remote,
  digest: Digest,
  from: string,
  signal: AbortSignal,
): Promise<boolean> {
  return await retrying("mount blob", remote.attempts, signal, async () => {
    const response = await remote.push.send({
      method: "POST",
      target: `/${remote.name.path}/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`,
      body: "",
      scopes: [...scopes(remote), scopeOf(from, "pull")],
      signal,
    });
    if (response.status === 201) {
      await drop(response);
      return true;
    }
    if (response.status === 202) {
      await drop(response);
      // The registry began an upload instead; it is not wanted.
      await cancel(remote, remote.push.locationOf(response), signal);
      return false;
    }
    const failure = await failureOf(response);
    // No right to read the other repository: the blob is sent.
    if (response.status === 401 || response.status === 403 || response.status === 404) return false;
    throw failure;
  });
}

async function cancel(remote: Remote, location: string, signal: AbortSignal): Promise<void> {
  try {
    await drop(
      await remote.push.send({ method: "DELETE", target: location, scopes: scopes(remote), signal }),
    );
  } catch {
    // It goes by itself.
  }
}

export async function uploadBlob(
  remote: Remote,
  source: BlobSource,
  { signal, onProgress }: UploadOptions,
): Promise<{ digest: Digest; size: number }> {
  const progress = onProgress ?? (() => {});
  if (source.kind === "file") {
    await uploadFile(remote, source, progress, signal);
    return { digest: source.digest, size: source.size };
  }
  return await retrying("upload", remote.attempts, signal, () =>
    uploadStream(remote, source, progress, signal),
  );
}

type FileSource = Extract<BlobSource, { kind: "file" }>;

/** An upload that is cut goes on where the registry says that it stopped. */
async function uploadFile(
  remote: Remote,
  source: FileSource,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let location: string | undefined;
  await retrying("upload", remote.attempts, signal, async () => {
    let offset = 0;
    if (location !== undefined) {
      // The answer to the last byte may have been what was lost.
      if ((await checkBlob(remote, source.digest, signal)) === source.size) return;
      const state = await stateOf(remote, location, signal);
      if (state !== undefined && state.offset > 0 && state.offset <= source.size)
        ({ location, offset } = state);
      else location = undefined;
    }
    location ??= await begin(remote, signal);
    progress(offset);
    if (offset > 0 && offset < source.size) {
      location = await patch(remote, location, source, offset, progress, signal);
      await finish(remote, location, source.digest, signal);
    } else if (offset > 0) {
      await finish(remote, location, source.digest, signal);
    } else {
      await putWhole(remote, location, source, progress, signal);
    }
    progress(source.size);
  });
}

/** How far an upload is; undefined when the registry knows nothing of it. */
async function stateOf(
  remote: Remote,
  location: string,
  signal: AbortSignal,
): Promise<{ location: string; offset: number } | undefined> {
  const response = await remote.push.send({
    method: "GET",
    target: location,
    scopes: scopes(remote),
    signal,
  });
  await drop(response);
  if (response.status === 404 || response.status === 400) return undefined;
  if (!isGood(response)) throw await failureOf(response);
  const range = /^(?:bytes=)?0-(\d{1,15})$/.exec(response.headers.get("range") ?? "");
  const next = response.headers.get("location") === null ? location : remote.push.locationOf(response);
  return { location: next, offset: range === null || range[1] === "0" ? 0 : Number(range[1]) + 1 };
}

async function putWhole(
  remote: Remote,
  location: string,
  source: FileSource,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const response = await remote.push.send({
    method: "PUT",
    target: withDigest(location, source.digest),
    headers: { "Content-Type": "application/octet-stream", "Content-Length": String(source.size) },
    body: body(source, 0, progress),
    scopes: scopes(remote),
    signal,
    within: COMMIT_WITHIN,
  });
  if (!isGood(response)) throw await failureOf(response);
  await drop(response);
}

async function patch(
  remote: Remote,
  location: string,
  source: FileSource,
  offset: number,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const response = await remote.push.send({
    method: "PATCH",
    target: location,
    headers: {
      "Content-Type": "application/octet-stream",
      "Content-Range": `${offset}-${source.size - 1}`,
      "Content-Length": String(source.size - offset),
    },
    body: body(source, offset, progress),
    scopes: scopes(remote),
    signal,
    within: COMMIT_WITHIN,
  });
  if (!isGood(response)) throw await failureOf(response);
  await drop(response);
  return remote.push.locationOf(response);
}

/** Files of some size are counted while they are sent; small ones go out in one piece. */
function body(
  source: FileSource,
  offset: number,
  progress: (sent: number) => void,
): Blob | ReadableStream<Uint8Array> {
  const file = Bun.file(source.path);
  const part = offset === 0 ? file : file.slice(offset);
  if (source.size - offset <= COUNTED) return part;
  const reader = part.stream().getReader();
  let sent = offset;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        sent += value.length;
        progress(sent);
        controller.enqueue(value);
      },
      async cancel() {
        await reader.cancel();
      },
    },
    { highWaterMark: 0 },
  );
}
const COUNTED = 8 << 20;

async function finish(remote: Remote, location: string, digest: Digest, signal: AbortSignal): Promise<void> {
  const response = await remote.push.send({
    method: "PUT",
    target: withDigest(location, digest),
    body: "",
    scopes: scopes(remote),
    signal,
    within: COMMIT_WITHIN,
  });
  if (!isGood(response)) throw await failureOf(response);
  await drop(response);
}

/** Bytes that are made while they are sent: their digest is known at the end only. */
async function uploadStream(
  remote: Remote,
  source: Extract<BlobSource, { kind: "stream" }>,
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<{ digest: Digest; size: number }> {
  const location = await begin(remote, signal);
  progress(0);
  const { body, digest } = source.open();
  const pieces = body[Symbol.asyncIterator]();
  let size = 0;
  let failure: { error: unknown } | undefined;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          if (done) return controller.close();
          size += value.length;
          progress(size);
          controller.enqueue(value);
        } catch (error) {
          failure = { error };
          controller.error(error);
        }
      },
      async cancel() {
        await pieces.return?.();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: PIECE }),
  );
  let response: Response;
  try {
    response = await remote.push.send({
      method: "PATCH",
      target: location,
      headers: { "Content-Type": "application/octet-stream" },
      body: stream,
      scopes: scopes(remote),
      signal,
      within: COMMIT_WITHIN,
    });
  } catch (error) {
    // What could not be read is the reason, and no repetition helps.
    if (failure !== undefined) throw failure.error;
    throw error;
  } finally {
    await pieces.return?.();
  }
  if (!isGood(response)) throw await failureOf(response);
  await drop(response);
  const known = digest();
  await finish(remote, remote.push.locationOf(response), known, signal);
  return { digest: known, size };
}

/** A small blob that is in memory. */
export async function putBlob(remote: Remote, bytes: Uint8Array, signal: AbortSignal): Promise<Digest> {
  const digest = sha256(bytes);
  if ((await checkBlob(remote, digest, signal)) !== undefined) return digest;
  await retrying("put blob", remote.attempts, signal, async () => {
    const location = await begin(remote, signal);
    const response = await remote.push.send({
      method: "PUT",
      target: withDigest(location, digest),
      headers: { "Content-Type": "application/octet-stream" },
      body: bytes,
      scopes: scopes(remote),
      signal,
    });
    if (!isGood(response)) throw await failureOf(response);
    await drop(response);
    const stored = response.headers.get("docker-content-digest");
    if (stored !== null && stored !== digest)
      throw new RegistryError(response.status, "", "the registry stored something else");
  });
  return digest;
}

function withDigest(location: string, digest: Digest): string {
  const url = new URL(location);
  return `${url.href}${url.search === "" ? "?" : "&"}digest=${encodeURIComponent(digest)}`;
}
