import { RegistryError } from "../errors.ts";
import type { PullThrough } from "../proxy/pull-through.ts";
import type { RepositoryContext } from "../repository/context.ts";
import { deleteManifest, type FoundManifest, findManifest, putManifest } from "../repository/manifests.ts";
import type { Exchange } from "./exchange.ts";
import { matchesEtag } from "./ranges.ts";
import { readBody } from "./read-body.ts";

/** GET and HEAD (end-3). */
export async function getManifest(
  context: RepositoryContext,
  { request }: Exchange,
  name: string,
  reference: string,
  proxy: PullThrough | undefined,
): Promise<Response> {
  const found: FoundManifest | undefined =
    proxy === undefined
      ? await findManifest(context, name, reference)
      : await proxy.manifest(name, reference);
  if (found === undefined)
    throw new RegistryError("MANIFEST_UNKNOWN", {
      detail: reference.includes(":") ? { Name: name, Revision: reference } : { Tag: reference },
    });
  const headers: Record<string, string> = {
    "Content-Type": found.mediaType,
    "Docker-Content-Digest": found.digest,
    ETag: `"${found.digest}"`,
  };
  if (matchesEtag(request.headers.get("if-none-match"), found.digest))
    return new Response(null, { status: 304, headers });
  if (request.method === "HEAD") {
    headers["Content-Length"] = String(found.bytes.byteLength);
    return new Response(null, { headers });
  }
  return new Response(found.bytes as Uint8Array<ArrayBuffer>, { headers });
}

/** PUT (end-7). */
export async function putManifestResponse(
  context: RepositoryContext,
  { request }: Exchange,
  name: string,
  reference: string,
): Promise<Response> {
  const bytes = await readBody(request, context.limits().maxManifestBytes);
  const declared = request.headers.get("content-type")?.replace(/;.*/s, "").trim().toLowerCase();
  // What HTTP libraries send when nobody said a type.
  const isNoType =
    declared === undefined ||
    ["", "application/json", "application/octet-stream", "text/plain"].includes(declared);
  const { digest, document } = await putManifest(
    context,
    name,
    reference,
    bytes,
    isNoType ? undefined : declared,
  );
  return new Response(null, {
    status: 201,
    headers: {
      Location: `/v2/${name}/manifests/${digest}`,
      "Docker-Content-Digest": digest,
      ...(document.subject !== undefined && { "OCI-Subject": document.subject.digest }),
    },
  });
}

/** DELETE (end-9). */
export async function deleteManifestResponse(
  context: RepositoryContext,
  name: string,
  reference: string,
): Promise<Response> {
  await deleteManifest(context, name, reference);
  return new Response(null, { status: 202 });
}
