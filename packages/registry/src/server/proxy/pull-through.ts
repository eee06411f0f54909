import { type Digest, isKind, log, messageOf } from "@berth/base";
import type { Login, RegistryClient, Repository } from "../../client/client.ts";
import { createRegistryClient } from "../../client/index.ts";
import { RegistryError } from "../errors.ts";
import { type ContentDigest, isTag, looksLikeDigest } from "../names.ts";
import type { RepositoryContext } from "../repository/context.ts";
import type { Page, PageRequest } from "../repository/listing.ts";
import { listTags, pageOf } from "../repository/listing.ts";
import type { Referrer } from "../repository/manifest-document.ts";
import { type FoundManifest, findManifest, keepManifest, touchManifest } from "../repository/manifests.ts";
import { listReferrers } from "../repository/referrers.ts";
import { tagKey } from "../storage/paths.ts";
import { BlobCache } from "./blob-cache.ts";
import { gatewayError } from "./errors.ts";

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
  readonly #blobs: BlobCache;
  readonly #fetching = new Map<string, Promise<FoundManifest | undefined>>();

  constructor(context: RepositoryContext, options: PullThroughOptions) {
    this.#context = context;
    this.#options = options;
    this.#blobs = new BlobCache(context, (name) => this.#repository(name));
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
    const found = await this.#find(name, reference);
    // What is used stays (`proxy.ttl`).
    if (found !== undefined) await touchManifest(this.#context, name, found.digest);
    return found;
  }

  async #find(name: string, reference: string): Promise<FoundManifest | undefined> {
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
      if (local === undefined) throw gatewayError(error);
      this.#unreachable(name, error);
      return local;
    }
  }

  #unreachable(name: string, error: unknown): void {
    log.warn("the other registry does not answer: what is here is served", { name, error: messageOf(error) });
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
      throw gatewayError(error);
    }
  }

  /** The response for a blob that is not here: sent on while it is kept. @throws BLOB_UNKNOWN. */
  async blob(name: string, digest: ContentDigest, request: Request): Promise<Response> {
    return await this.#blobs.response(name, digest, request);
  }

  /** The tags that the other registry has; those that are here when it does not answer. @throws NAME_UNKNOWN. */
  async tags(name: string, request: PageRequest): Promise<Page<string>> {
    try {
      const tags = await this.#repository(name).tags(AbortSignal.timeout(60_000));
      return pageOf([...new Set(tags)].sort(), request);
    } catch (error) {
      if (isKind(error, "not-found")) throw new RegistryError("NAME_UNKNOWN", { detail: { name } });
      return await this.#orHere(name, error, () => listTags(this.#context, name, request));
    }
  }

  /** What refers to a manifest there; what is known here of it when the other registry does not answer. */
  async referrers(
    name: string,
    subject: ContentDigest,
    artifactType: string | undefined,
    request: PageRequest,
  ): Promise<Page<Referrer>> {
    const here = () => listReferrers(this.#context, name, subject, artifactType, request);
    if (!subject.startsWith("sha256:")) return await here();
    try {
      const all = await this.#repository(name).referrers(
        subject as Digest,
        artifactType === undefined ? {} : { artifactType },
        AbortSignal.timeout(60_000),
      );
      const byDigest = new Map(all.map((each) => [each.digest as string, each as Referrer]));
      const { entries, more } = pageOf([...byDigest.keys()].sort(), request);
      return { entries: entries.map((digest) => byDigest.get(digest)!), more };
    } catch (error) {
      if (isKind(error, "not-found")) return { entries: [], more: false };
      return await this.#orHere(name, error, here);
    }
  }

  async #orHere<T>(name: string, error: unknown, here: () => Promise<T>): Promise<T> {
    try {
      const found = await here();
      this.#unreachable(name, error);
      return found;
    } catch {
      throw gatewayError(error);
    }
  }

  #repository(path: string): Repository {
    const { login } = this.#options;
    const credentials = login === undefined ? {} : { credentials: { find: () => login } };
    return this.#client.repository({ domain: this.#domain, path }, credentials);
  }
}
