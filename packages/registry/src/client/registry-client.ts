import { DEFAULT_DOMAIN } from "@berth/spec";
import { TokenCache } from "./auth/tokens.ts";
import type {
  Login,
  RegistryClient,
  RegistrySettings,
  Repository,
  RepositoryName,
  RepositoryOptions,
  SearchOptions,
  SearchResult,
} from "./client.ts";
import { at, endpointsOf } from "./hosts/endpoint.ts";
import { EndpointClient, type Shared } from "./http/endpoint-client.ts";
import { checkBlob, fetchBlob, openBlob } from "./remote/blobs.ts";
import type { Remote } from "./remote/context.ts";
import { listReferrers, listTags } from "./remote/lists.ts";
import { login } from "./remote/login.ts";
import { deleteManifest, fetchManifest, putManifest, resolveManifest } from "./remote/manifests.ts";
import { search, splitTerm } from "./remote/search.ts";
import { mountBlob, putBlob, uploadBlob } from "./remote/uploads.ts";

/** Docker Hub's search is not at its registry. */
const HUB_INDEX = "index.docker.io";

/** `settings` is asked for each operation: a reload is seen by the next one. */
export function createRegistryClient(settings: () => RegistrySettings): RegistryClient {
  return new HttpRegistryClient(settings);
}

class HttpRegistryClient implements RegistryClient {
  readonly #settings: () => RegistrySettings;
  readonly #tokens = new TokenCache();
  readonly #schemes: Shared["schemes"] = new Map();

  constructor(settings: () => RegistrySettings) {
    this.#settings = settings;
  }

  repository(name: RepositoryName, { credentials, insecure }: RepositoryOptions = {}): Repository {
    const all = this.#settings();
    const settings = insecure ? { ...all, insecure: [...all.insecure, name.domain] } : all;
    const make = (purpose: "pull" | "push") =>
      endpointsOf(name.domain, purpose, settings).map(
        (endpoint) => new EndpointClient(endpoint, this.#shared(settings), credentials),
      );
    return repositoryOf({
      name,
      pull: make("pull"),
      push: make("push").at(-1)!,
      attempts: settings.attempts,
      unreachable: new Set(),
    });
  }

  async login(domain: string, credentials: Login, signal: AbortSignal): Promise<string> {
    const settings = this.#settings();
    const endpoint = endpointsOf(domain, "push", settings).at(-1)!;
    // Nothing that another user's credentials opened counts here.
    const client = new EndpointClient(
      endpoint,
      { ...this.#shared(settings), tokens: new TokenCache() },
      undefined,
    );
    return await login(client, client.tokenFetch, credentials, signal);
  }

  async search(term: string, options: SearchOptions, signal: AbortSignal): Promise<SearchResult[]> {
    const settings = this.#settings();
    const { domain, rest } = splitTerm(term);
    const own =
      domain === DEFAULT_DOMAIN ? at(HUB_INDEX, settings) : endpointsOf(domain, "push", settings).at(-1)!;
    const endpoint = { ...own, prefix: "/v1", domain };
    const client = new EndpointClient(endpoint, this.#shared(settings), options.credentials);
    return await search(client, rest, options.limit, signal);
  }

  #shared(settings: RegistrySettings): Shared {
    const { userAgent, attempts } = settings;
    return { tokens: this.#tokens, schemes: this.#schemes, userAgent, attempts };
  }
}

function repositoryOf(remote: Remote): Repository {
  return {
    name: remote.name,
    resolve: (selector, signal) => resolveManifest(remote, selector, signal),
    fetchManifest: (selector, signal) => fetchManifest(remote, selector, signal),
    openBlob: (blob, range, signal) => openBlob(remote, blob, range, signal),
    fetchBlob: (descriptor, maximum, signal) => fetchBlob(remote, descriptor, maximum, signal),
    checkBlob: (digest, signal) => checkBlob(remote, digest, signal),
    mountBlob: (digest, from, signal) => mountBlob(remote, digest, from, signal),
    uploadBlob: (source, options) => uploadBlob(remote, source, options),
    putBlob: (bytes, signal) => putBlob(remote, bytes, signal),
    putManifest: (selector, manifest, signal) => putManifest(remote, selector, manifest, signal),
    deleteManifest: (digest, signal) => deleteManifest(remote, digest, signal),
    tags: (signal) => listTags(remote, signal),
    referrers: (digest, { artifactType }, signal) => listReferrers(remote, digest, artifactType, signal),
  };
}
