import { type Digest, isKind, log, messageOf } from "@berth/base";
import type { Repository } from "../../client/client.ts";
import { RegistryError } from "../errors.ts";
import { blobResponse } from "../http/blob-handlers.ts";
import { parseRange } from "../http/ranges.ts";
import type { ContentDigest } from "../names.ts";
import { statBlob } from "../repository/blobs.ts";
import type { RepositoryContext } from "../repository/context.ts";
import { uploadWhole } from "../repository/uploads.ts";
import type { ByteRange, GrowingFile, ObjectStore } from "../storage/object-store.ts";
import { blobKey } from "../storage/paths.ts";
import { gatewayError } from "./errors.ts";
import { SharedFetch } from "./shared-fetch.ts";
import { Spool } from "./spool.ts";
import { openUpstream, resuming, sizeUpstream } from "./upstream-blob.ts";

const ANSWER_MILLISECONDS = 60_000;

/** Blobs of another registry: each is fetched once, whoever asks meanwhile, and kept. */
export class BlobCache {
  readonly #context: RepositoryContext;
  readonly #repository: (name: string) => Repository;
  readonly #running = new Map<string, Promise<SharedFetch>>();

  constructor(context: RepositoryContext, repository: (name: string) => Repository) {
    this.#context = context;
    this.#repository = repository;
  }

  /** The response for a blob that is not here. @throws BLOB_UNKNOWN, or what the other registry answered. */
  async response(name: string, digest: ContentDigest, request: Request): Promise<Response> {
    const unknown = () => new RegistryError("BLOB_UNKNOWN", { detail: digest });
    if (!digest.startsWith("sha256:")) throw unknown();
    try {
      return request.method === "HEAD"
        ? await this.#head(name, digest as Digest)
        : await this.#get(name, digest as Digest, request);
    } catch (error) {
      if (isKind(error, "not-found")) throw unknown();
      throw gatewayError(error);
    }
  }

  async #head(name: string, digest: Digest): Promise<Response> {
    const running = await this.#running.get(keyOf(name, digest));
    const size =
      running?.size ??
      (await sizeUpstream(this.#repository(name), digest, AbortSignal.timeout(ANSWER_MILLISECONDS)));
    return new Response(null, {
      headers: { ...headersOf(digest), ...(size !== undefined && { "Content-Length": String(size) }) },
    });
  }

  async #get(name: string, digest: Digest, request: Request): Promise<Response> {
    const fetched = await this.#join(name, digest);
    const { size } = fetched;
    // How much it is shows when it is here.
    if (size === undefined) return await this.#kept(name, digest, fetched, request);
    const range = parseRange(request.headers.get("range"), size);
    if (range === "unsatisfiable")
      throw new RegistryError("RANGE_INVALID", { headers: { "Content-Range": `bytes */${size}` } });
    const { start, end } = range ?? { start: 0, end: size };
    const body = fetched.isNear(start)
      ? fetched.read(start, end)
      : await this.#part(name, digest, size, { start, end }, request.signal);
    return new Response(body, {
      status: range === undefined ? 200 : 206,
      headers: {
        ...headersOf(digest),
        "Content-Length": String(end - start),
        ...(range !== undefined && { "Content-Range": `bytes ${start}-${end - 1}/${size}` }),
      },
    });
  }

  /** The response when it is here. */
  async #kept(name: string, digest: Digest, fetched: SharedFetch, request: Request): Promise<Response> {
    await fetched.done;
    const content = digest as ContentDigest;
    const size = await statBlob(this.#context, name, content);
    if (size === undefined) throw new RegistryError("BLOB_UNKNOWN", { detail: digest });
    return await blobResponse(this.#context, request, content, size);
  }

  /** A part that will come late, asked for by itself. */
  async #part(
    name: string,
    digest: Digest,
    size: number,
    { start, end }: ByteRange,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const opened = await this.#repository(name).openBlob({ digest, size }, { offset: start, end }, signal);
    if (opened.ranged && opened.offset === start) return opened.body;
    await opened.body.cancel();
    return (await this.#join(name, digest)).read(start, end);
  }

  /** The fetch that runs, or a new one. */
  #join(name: string, digest: Digest): Promise<SharedFetch> {
    const key = keyOf(name, digest);
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = this.#start(name, digest);
    this.#running.set(key, started);
    const forget = () => this.#running.delete(key);
    started.then(({ done }) => done.then(forget, forget), forget);
    return started;
  }

  async #start(name: string, digest: Digest): Promise<SharedFetch> {
    const { store } = this.#context;
    const repository = this.#repository(name);
    // It goes on to its end, even when all who asked go away.
    const { signal } = new AbortController();
    const opened = await openUpstream(repository, digest, signal);
    const pieces = resuming(repository, digest, opened, signal);
    const kept = Promise.withResolvers<void>();
    const folder = Promise.withResolvers<string>();
    const spool = store.followUpload === undefined ? new Spool() : undefined;
    const fetch = new SharedFetch(
      opened.size,
      async () =>
        spool === undefined
          ? store.followUpload!(await folder.promise, blobKey(digest as ContentDigest))
          : (spool.open() ?? keptFile(store, digest as ContentDigest)),
      kept.promise,
    );
    const length = opened.size === undefined ? {} : { length: opened.size };
    const source = fetch.count(spool?.through(pieces) ?? pieces);
    uploadWhole(this.#context, name, digest, { source, ...length }, folder.resolve)
      .then(kept.resolve, (error) => {
        log.warn("a blob could not be kept", { name, digest, error: messageOf(error) });
        kept.reject(error);
      })
      .finally(() => spool?.[Symbol.dispose]());
    return fetch;
  }
}

/** A blob of the storage, part by part. */
function keptFile(store: ObjectStore, digest: ContentDigest): GrowingFile {
  return {
    async read(start, length) {
      const key = blobKey(digest);
      const { size } = (await store.stat(key)) ?? { size: 0 };
      const range = { start, end: Math.min(size, start + length) };
      return new Uint8Array(await new Response(await store.body(key, size, range)).arrayBuffer());
    },
    close: () => {},
  };
}

const keyOf = (name: string, digest: Digest): string => `${name} ${digest}`;

const headersOf = (digest: Digest): Record<string, string> => ({
  "Accept-Ranges": "bytes",
  "Cache-Control": "max-age=31536000",
  "Content-Type": "application/octet-stream",
  "Docker-Content-Digest": digest,
  ETag: `"${digest}"`,
});
