import { RegistryError } from "../errors.ts";
import type { ContentDigest } from "../names.ts";
import type { PullThrough } from "../proxy/pull-through.ts";
import type { RepositoryContext } from "../repository/context.ts";
import { listRepositories, listTags } from "../repository/listing.ts";
import { OCI_INDEX } from "../repository/manifest-document.ts";
import { listReferrers } from "../repository/referrers.ts";
import type { Exchange } from "./exchange.ts";
import { json, nextLink, pageRequest } from "./pages.ts";

/** Repositories of a page when the client does not say. */
const CATALOG_PAGE = 1000;
const REFERRERS_PAGE = 1000;

/** GET /v2/_catalog: of what the requester may pull. */
export async function catalog(
  context: RepositoryContext,
  { query, sees }: Exchange,
  most: number,
): Promise<Response> {
  const request = pageRequest(query, Math.min(most, CATALOG_PAGE));
  if (request.count! > most)
    throw new RegistryError("PAGINATION_NUMBER_INVALID", { detail: { n: request.count } });
  const { entries, more } = await listRepositories(context, request, sees);
  return json(
    { repositories: entries },
    nextLink("/v2/_catalog", { last: entries.at(-1), n: String(request.count) }, more && entries.length > 0),
  );
}

/** GET /v2/<name>/tags/list (end-8a, 8b). */
export async function tags(
  context: RepositoryContext,
  { query }: Exchange,
  name: string,
  proxy: PullThrough | undefined,
): Promise<Response> {
  const request = pageRequest(query);
  const { entries, more } = await (proxy?.tags(name, request) ?? listTags(context, name, request));
  return json(
    { name, tags: entries },
    nextLink(
      `/v2/${name}/tags/list`,
      { last: entries.at(-1), n: String(request.count) },
      more && entries.length > 0,
    ),
  );
}

/** GET /v2/<name>/referrers/<digest> (end-12a, 12b). Nothing refers to what is not there: an empty index. */
export async function referrers(
  context: RepositoryContext,
  { query }: Exchange,
  name: string,
  digest: ContentDigest,
  proxy: PullThrough | undefined,
): Promise<Response> {
  const request = pageRequest(query, REFERRERS_PAGE);
  const artifactType = query.get("artifactType") ?? undefined;
  const { entries, more } = await (proxy?.referrers(name, digest, artifactType, request) ??
    listReferrers(context, name, digest, artifactType, request));
  return json(
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries },
    {
      "Content-Type": OCI_INDEX,
      ...(artifactType !== undefined && { "OCI-Filters-Applied": "artifactType" }),
      ...nextLink(
        `/v2/${name}/referrers/${digest}`,
        { artifactType, last: entries.at(-1)?.digest, n: String(request.count) },
        more && entries.length > 0,
      ),
    },
  );
}
