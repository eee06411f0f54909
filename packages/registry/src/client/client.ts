import type { Digest } from "@berth/base";
import type { Descriptor, ImageIndex, Manifest } from "@berth/spec";

/**
 * What there is to do with the repositories of registries (OCI distribution-spec 1.1, and Docker's registry API, which it
 * came from). Errors are `BerthError`s with Docker's sentences; those of a registry's answer are `RegistryError`s.
 * A `RegistryClient` is made once and shared: it keeps connections, tokens and what it learned of hosts.
 */
export interface RegistryClient {
  /** Nothing is asked of the registry yet. `path`: `library/busybox`. */
  repository(name: RepositoryName, options?: RepositoryOptions): Repository;
  /**
   * Tries credentials: what `docker login` asks of the daemon. @returns the identity token that the registry gave instead
   * of the password, or an empty text. @throws unauthorized.
   */
  login(domain: string, credentials: Login, signal: AbortSignal): Promise<string>;
  /** Docker's old search of an index (`/v1/search`). `term` may begin with the domain of a registry. */
  search(term: string, options: SearchOptions, signal: AbortSignal): Promise<SearchResult[]>;
}

export interface RepositoryName {
  /** `docker.io`, `localhost:5000`: as in a `Reference`. */
  domain: string;
  path: string;
}

export interface RepositoryOptions {
  credentials?: Credentials;
  /** As if the registry were listed in `insecure-registries`. */
  insecure?: boolean;
}

/** User and password, or a token that stands for both. */
export interface Login {
  username?: string;
  password?: string;
  /** OAuth 2 refresh token. */
  identityToken?: string;
  /** Sent as it is as a bearer token. */
  registryToken?: string;
}

/** Asked when a registry wants to know who asks, at most once for each host and operation; undefined: nobody. */
export interface Credentials {
  /** `domain` as in a `Reference`. */
  find(domain: string): Login | undefined | Promise<Login | undefined>;
}

/** A tag or a digest. */
export type Selector = { tag: string } | { digest: Digest };

/** A manifest or an index, its digest verified. */
export interface Document {
  descriptor: Descriptor;
  bytes: Uint8Array;
  content: Manifest | ImageIndex;
}

/** What is said of a blob that is to be fetched; `urls` count for the types of layers that registries need not have. */
export type BlobName = Pick<Descriptor, "digest" | "size" | "urls"> & Partial<Pick<Descriptor, "mediaType">>;

export interface OpenedBlob {
  /** First byte of `body` in the blob: less than what was asked for when the registry knows no ranges. */
  offset: number;
  /** Of the whole blob, when the registry says it. */
  size: number | undefined;
  /** The registry gave the part that was asked for, and nothing beyond; false: the whole blob. */
  ranged: boolean;
  /** Streams with back-pressure; not verified. A connection that breaks is an error of the stream. */
  body: ReadableStream<Uint8Array>;
}

/** Where a blob comes from: a file (nothing of it goes through the program where that is possible), or bytes made on the way. */
export type BlobSource =
  | { kind: "file"; path: string; digest: Digest; size: number }
  | {
      kind: "stream";
      /** Called again when the upload has to begin anew. The digest is asked for at the stream's end. */
      open: () => { body: AsyncIterable<Uint8Array>; digest: () => Digest };
    };

export interface UploadOptions {
  signal: AbortSignal;
  /** Bytes that were sent; may go back when an upload begins anew. */
  onProgress?: (sent: number) => void;
}

/** One repository of one registry. All methods retry what may pass, and know mirrors. */
export interface Repository {
  readonly name: RepositoryName;

  /** One round trip (HEAD). Undefined when there is no such manifest. */
  resolve(selector: Selector, signal: AbortSignal): Promise<Descriptor | undefined>;
  /** @throws not-found with Docker's sentence; invalid-parameter for what is no manifest or has another digest. */
  fetchManifest(selector: Selector, signal: AbortSignal): Promise<Document>;
  /**
   * A blob from `offset`, up to (not including) `end`. Small blobs are better fetched with `fetchBlob`.
   * `once`: nothing is repeated; the caller does that, and heeds what a `Postponed` says.
   */
  openBlob(
    blob: BlobName,
    range: { offset: number; end?: number; once?: boolean },
    signal: AbortSignal,
  ): Promise<OpenedBlob>;
  /** A whole small blob, verified. @throws too-large above `maximum`. */
  fetchBlob(descriptor: Descriptor, maximum: number, signal: AbortSignal): Promise<Uint8Array>;

  /** The size of a blob that is there. */
  checkBlob(digest: Digest, signal: AbortSignal): Promise<number | undefined>;
  /** True when the blob is in this repository now; false when the registry does not do it. */
  mountBlob(digest: Digest, from: string, signal: AbortSignal): Promise<boolean>;
  uploadBlob(source: BlobSource, options: UploadOptions): Promise<{ digest: Digest; size: number }>;
  /** Puts a small blob, unless it is there. */
  putBlob(bytes: Uint8Array, signal: AbortSignal): Promise<Digest>;
  /** @returns its digest. */
  putManifest(
    selector: Selector,
    manifest: { mediaType: string; bytes: Uint8Array },
    signal: AbortSignal,
  ): Promise<Digest>;
  deleteManifest(digest: Digest, signal: AbortSignal): Promise<void>;
  /** All of them, page after page. */
  tags(signal: AbortSignal): Promise<string[]>;
  /** What refers to a manifest: the referrers API, or the tag that stands for it where a registry has no such API. */
  referrers(digest: Digest, options: { artifactType?: string }, signal: AbortSignal): Promise<Descriptor[]>;
}

export interface SearchOptions {
  /** At most so many. */
  limit: number;
  credentials?: Credentials;
}

export interface SearchResult {
  name: string;
  description: string;
  starCount: number;
  isOfficial: boolean;
  isAutomated: boolean;
}

/** How to reach registries; may change while a client is in use (`SIGHUP`). */
export interface RegistrySettings {
  /** `registry-mirrors`: URLs, for docker.io. */
  mirrors: readonly string[];
  /** `insecure-registries`: hosts, `host:port`, or CIDR networks. */
  insecure: readonly string[];
  /** Folders with `<host>/{ca.crt,*.cert,*.key,hosts.toml}`; the first that has the host counts. */
  certificates: readonly string[];
  userAgent: string;
  /** Attempts of what fails and may pass. */
  attempts: number;
}
