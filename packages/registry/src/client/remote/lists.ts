import { type Digest, encoded, systemError } from "@berth/base";
import {
  type Descriptor,
  isManifest,
  JsonReader,
  MAX_MANIFEST_BYTES,
  MEDIA_TYPE,
  parseIndex,
} from "@berth/spec";
import { RegistryError } from "../errors.ts";
import { type EndpointClient, failureOf, readAll } from "../http/endpoint-client.ts";
import { fromAny, type Remote, scopeOf } from "./context.ts";
import { fetchManifest } from "./manifests.ts";

const MAX_PAGE = 8 << 20;
const MOST_PAGES = 10_000;
const MOST_TAGS = 1_000_000;

/** All tags of a repository. Pages are followed by their `Link` header. */
export async function listTags(remote: Remote, signal: AbortSignal): Promise<string[]> {
  const { path } = remote.name;
  return await fromAny(remote, "tags", signal, async (client) => {
    const tags: string[] = [];
    for await (const page of pages(client, `/${path}/tags/list`, path, signal)) {
      const json = JsonReader.parse(page, "list of tags", MAX_PAGE);
      for (const each of json.get("tags").list(MOST_TAGS)) tags.push(each.text());
      if (tags.length > MOST_TAGS) throw systemError(`the registry lists more than ${MOST_TAGS} tags`);
    }
    return tags;
  });
}

/** What has `digest` as its subject. */
export async function listReferrers(
  remote: Remote,
  digest: Digest,
  artifactType: string | undefined,
  signal: AbortSignal,
): Promise<Descriptor[]> {
  const { path } = remote.name;
  const query = artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
  let found: Descriptor[];
  try {
    found = await fromAny(remote, "referrers", signal, async (client) => {
      const all: Descriptor[] = [];
      for await (const page of pages(client, `/${path}/referrers/${digest}${query}`, path, signal)) {
        all.push(...parseIndex(page, MEDIA_TYPE.ociIndex).manifests);
      }
      return all;
    });
  } catch (error) {
    if (!(error instanceof RegistryError) || ![400, 404, 405, 501].includes(error.status)) throw error;
    found = await fromTag(remote, digest, signal);
  }
  // The registry need not have filtered.
  return artifactType === undefined ? found : found.filter((each) => each.artifactType === artifactType);
}

/** Registries without the API: an index under the tag `sha256-<hex>`. */
async function fromTag(remote: Remote, digest: Digest, signal: AbortSignal): Promise<Descriptor[]> {
  try {
    const { content } = await fetchManifest(remote, { tag: `sha256-${encoded(digest)}` }, signal);
    return isManifest(content) ? [] : content.manifests;
  } catch (error) {
    if (error instanceof RegistryError && error.status === 404) return [];
    throw error;
  }
}

async function* pages(
  client: EndpointClient,
  first: string,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const seen = new Set<string>();
  let next: string | undefined = first;
  for (let page = 0; next !== undefined; page++) {
    // A registry that goes round in circles is not followed.
    if (page === MOST_PAGES || seen.has(next)) throw systemError("the registry's list has no end");
    seen.add(next);
    const response: Response = await client.send({
      method: "GET",
      target: next,
      scopes: [scopeOf(path, "pull")],
      signal,
    });
    if (response.status !== 200) throw await failureOf(response);
    const link = /<([^>]*)>\s*;\s*rel="?next"?/i.exec(response.headers.get("link") ?? "")?.[1];
    yield await readAll(response, Math.max(MAX_PAGE, MAX_MANIFEST_BYTES));
    next = link === undefined ? undefined : sameHost(link, response.url);
  }
}

/** The next page, when it is at the same place: elsewhere nobody is asked. */
function sameHost(link: string, from: string): string | undefined {
  try {
    const url = new URL(link, from);
    return url.host === new URL(from).host ? url.href : undefined;
  } catch {
    return undefined;
  }
}
