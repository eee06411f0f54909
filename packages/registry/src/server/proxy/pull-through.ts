import { type Digest, isKind, log, messageOf } from "@berth/base";
import type { Login, RegistryClient, Repository } from "../../client/client.ts";
import { createRegistryClient } from "../../client/index.ts";
import { RegistryError } from "../errors.ts";
import { parseRange } from "../http/ranges.ts";
import { type ContentDigest, isTag, looksLikeDigest } from "../names.ts";
import { statBlob } from "../repository/blobs.ts";
import type { RepositoryContext } from "../repository/context.ts";
import { type FoundManifest, findManifest, keepManifest } from "../repository/manifests.ts";
import { uploadWhole } from "../repository/uploads.ts";
import { tagKey } from "../storage/paths.ts";
import { relay } from "./relay.ts";

export interface PullThroughOptions {
  /** `https://registry-1.docker.io`, `http://127.0.0.1:5000`. */
  url: string;
  login?: Login;
  /** Milliseconds for which a tag is believed without asking. */
  ttl: number;
}

/** Docker Hub's registry is not at the host that its images are named after. */
const HUB_HOSTS = ["registry-1.docker.io", "index.docker.io", "docker.io"];

/** A registry whose content is kept here when it is asked for. */
export class PullThrough {
  readonly #context: RepositoryContext;
  readonly #options: PullThroughOptions;
  readonly #client: RegistryClient;
  readonly #domain: string;
  readonly #fetching = new Map<string, Promise<FoundManifest | undefined>>();
  readonly #keeping = new Set<string>();

  constructor(context: RepositoryContext, options: PullThroughOptions) {
    this.#context = context;
    this.#options = options;
    const { host, protocol } = new URL(options.url);
    this.#domain = HUB_HOSTS.includes(host) ? "docker.io" : host;
    this.#client = createRegistryClient(() => ({
      mirrors: [],
      insecure: protocol === "http:" ? [host] : [],
      certificates: ["/etc/docker/certs.d"],
      userAgent: "berth-registry",
      attempts: 3,
    }));
  }

  /** A manifest from here or, when it is not here or its tag is too old, from there; undefined when neither has it. */
  async manifest(name: string, reference: string): Promise<FoundManifest | undefined> {
    const local = await findManifest(this.#context, name, reference);
    if (looksLikeDigest(reference)) {
      if (local !== undefined || !reference.startsWith("sha256:")) return local;
      return await this.#fetch(name, { digest: reference as Digest });
    }
    if (!isTag(reference)) return undefined;
    const link = await this.#context.store.stat(tagKey(name, reference));
    if (local !== undefined && link !== undefined && Date.now() - link.modified < this.#options.ttl)
      return local;
    try {
      return await this.#refresh(name, reference, local);
    } catch (error) {
      if (local === undefined) throw gateway(error);
      log.warn("the other registry does not answer: what is here is served", {
        name,
        error: messageOf(error),
      });
      return local;
    }
  }

  async #refresh(
    name: string,
    tag: string,
    local: FoundManifest | undefined,
  ): Promise<FoundManifest | undefined> {
    if (local === undefined) return await this.#fetch(name, { tag });
    const there = await this.#repository(name).resolve({ tag }, AbortSignal.timeout(30_000));
    if (there === undefined) return undefined;
    if (there.digest !== local.digest) return await this.#fetch(name, { tag });
    await this.#context.store.touch(tagKey(name, tag));
    return local;
  }

  /** Those who ask for the same at the same time share the answer. */
  #fetch(name: string, selector: { tag: string } | { digest: Digest }): Promise<FoundManifest | undefined> {
    const key = `${name} ${JSON.stringify(selector)}`;
    const running =
      this.#fetching.get(key) ?? this.#fetchOnce(name, selector).finally(() => this.#fetching.delete(key));
    this.#fetching.set(key, running);
    return running;
  }

  async #fetchOnce(
    name: string,
    selector: { tag: string } | { digest: Digest },
  ): Promise<FoundManifest | undefined> {
    try {
      const { bytes, descriptor } = await this.#repository(name).fetchManifest(
        selector,
        AbortSignal.timeout(60_000),
      );
      const { digest, mediaType } = descriptor;
      await keepManifest(this.#context, name, "tag" in selector ? selector.tag : undefined, digest, bytes);
      return { bytes, digest, mediaType };
    } catch (error) {
      if (isKind(error, "not-found")) return undefined;
      throw gateway(error);
    }
  }

  /** The response for a blob that is not here: sent on while it is kept. @throws BLOB_UNKNOWN. */
  async blob(name: string, digest: ContentDigest, request: Request): Promise<Response> {
    const unknown = () => new RegistryError("BLOB_UNKNOWN", { detail: digest });
    if (!digest.startsWith("sha256:")) throw unknown();
    const repository = this.#repository(name);
    const wanted = digest as Digest;
    try {
      const size = await repository.checkBlob(
        wanted,
        AbortSignal.any([request.signal, AbortSignal.timeout(30_000)]),
      );
      if (size === undefined) throw unknown();
      const headers: Record<string, string> = {
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        ETag: `"${digest}"`,
        "Content-Length": String(size),
      };
      if (request.method === "HEAD") return new Response(null, { headers });
      const range = parseRange(request.headers.get("range"), size);
      if (range === "unsatisfiable")
        throw new RegistryError("RANGE_INVALID", { headers: { "Content-Range": `bytes */${size}` } });
      if (range !== undefined) {
        this.#keepInBackground(repository, name, wanted, size);
        const at = { offset: range.start, end: range.end };
        const opened = await repository.openBlob({ digest: wanted, size }, at, request.signal);
        if (opened.ranged && opened.offset === range.start) {
          headers["Content-Range"] = `bytes ${range.start}-${range.end - 1}/${size}`;
          headers["Content-Length"] = String(range.end - range.start);
          return new Response(opened.body, { status: 206, headers });
        }
        await opened.body.cancel();
      }
      return new Response(await this.#through(repository, name, wanted, size, request.signal), { headers });
    } catch (error) {
      if (error instanceof RegistryError) throw error;
      if (isKind(error, "not-found")) throw unknown();
      throw gateway(error);
    }
  }

  /** The blob's bytes, which are kept on the way, unless another request does that already. */
  async #through(
    repository: Repository,
    name: string,
    digest: Digest,
    size: number,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const key = `${name} ${digest}`;
    const isKept = this.#keeping.has(key);
    // What is kept is kept to its end, even when the client goes away.
    const own = isKept ? signal : new AbortController().signal;
    const opened = await repository.openBlob({ digest, size }, { offset: 0 }, own);
    if (isKept) return opened.body;
    const { forClient, forStore } = relay(opened.body);
    this.#keep(key, name, digest, size, forStore);
    return forClient;
  }

  #keepInBackground(repository: Repository, name: string, digest: Digest, size: number): void {
    const key = `${name} ${digest}`;
    if (this.#keeping.has(key)) return;
    const open = async function* () {
      const opened = await repository.openBlob({ digest, size }, { offset: 0 }, new AbortController().signal);
      yield* opened.body;
    };
    this.#keep(key, name, digest, size, open());
  }

  #keep(key: string, name: string, digest: Digest, size: number, source: AsyncIterable<Uint8Array>): void {
    this.#keeping.add(key);
    const work = async () => {
      if ((await statBlob(this.#context, name, digest)) !== undefined) return;
      await uploadWhole(this.#context, name, digest, { source, length: size });
    };
    work()
      .catch((error) => log.warn("a blob could not be kept", { name, digest, error: messageOf(error) }))
      .finally(() => this.#keeping.delete(key));
  }

  #repository(path: string): Repository {
    const { login } = this.#options;
    const credentials = login === undefined ? {} : { credentials: { find: () => login } };
    return this.#client.repository({ domain: this.#domain, path }, credentials);
  }
}

function gateway(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  return new RegistryError("UNAVAILABLE", {
    status: 502,
    message: `the registry behind this cache: ${messageOf(error)}`,
    cause: error,
  });
}
