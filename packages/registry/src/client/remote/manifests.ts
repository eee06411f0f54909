import { type Digest, invalidParameter, isDigest, sha256, unauthorized } from "@berth/base";
import {
  type Descriptor,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
  MEDIA_TYPE,
  parseManifestOrIndex,
} from "@berth/spec";
import type { Document, Selector } from "../client.ts";
import { RegistryError } from "../errors.ts";
import { drop, type EndpointClient, failureOf, readAll } from "../http/endpoint-client.ts";
import { retrying } from "../http/retry.ts";
import { fromAny, type Remote, scopeOf } from "./context.ts";

const ACCEPT = [
  MEDIA_TYPE.dockerManifest,
  MEDIA_TYPE.dockerManifestList,
  MEDIA_TYPE.ociManifest,
  MEDIA_TYPE.ociIndex,
  "*/*",
].join(", ");
const SCHEMA_1 = /^application\/(vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws))$/;
/** Time that a registry may take to check what a manifest refers to. */
const PUT_WITHIN = 300_000;

export function selectorText(selector: Selector): string {
  return "tag" in selector ? selector.tag : selector.digest;
}

const pathOf = (remote: Remote, selector: Selector) =>
  `/${remote.name.path}/manifests/${selectorText(selector)}`;

/** HEAD of a manifest; undefined when it is not there. */
export async function resolveManifest(
  remote: Remote,
  selector: Selector,
  signal: AbortSignal,
): Promise<Descriptor | undefined> {
  return await fromAny(remote, "resolve", signal, async (client) => {
    const response = await ask(remote, client, "HEAD", selector, signal);
    await drop(response);
    if (response.status === 404 && client === remote.pull.at(-1)) return undefined;
    if (response.status !== 200) throw await failureOf(response);
    const digest = response.headers.get("docker-content-digest") ?? "";
    const mediaType = typeOf(response);
    const size = Number(response.headers.get("content-length") ?? Number.NaN);
    if (isDigest(digest) && mediaType !== undefined && Number.isSafeInteger(size)) {
      return { mediaType, digest, size };
    }
    // A registry that does not say it in a HEAD says it in a GET.
    return (await get(remote, client, selector, signal)).descriptor;
  });
}

export async function fetchManifest(
  remote: Remote,
  selector: Selector,
  signal: AbortSignal,
): Promise<Document> {
  return await fromAny(remote, "manifest", signal, (client) => get(remote, client, selector, signal));
}

async function get(
  remote: Remote,
  client: EndpointClient,
  selector: Selector,
  signal: AbortSignal,
): Promise<Document> {
  const response = await ask(remote, client, "GET", selector, signal);
  if (response.status !== 200) throw await failureOf(response);
  const declared = typeOf(response);
  if (declared !== undefined && SCHEMA_1.test(declared)) {
    await drop(response);
    throw invalidParameter(
      `[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 are not supported: ${remote.name.domain}/${remote.name.path}`,
      { hint: "The image has to be pushed again by a newer client." },
    );
  }
  const bytes = await readAll(response, MAX_MANIFEST_BYTES);
  const digest = sha256(bytes);
  if ("digest" in selector && selector.digest !== digest) {
    throw invalidParameter(`manifest verification failed for digest ${selector.digest}`);
  }
  const content = parseManifestOrIndex(bytes, declared);
  return { descriptor: { mediaType: content.mediaType, digest, size: bytes.length }, bytes, content };
}

/** The declared type when it is one that says something. */
function typeOf(response: Response): string | undefined {
  const type = response.headers.get("content-type")?.replace(/;.*$/s, "").trim().toLowerCase();
  if (type === undefined) return undefined;
  return isManifestType(type) || isIndexType(type) || SCHEMA_1.test(type) ? type : undefined;
}

async function ask(
  remote: Remote,
  client: EndpointClient,
  method: "GET" | "HEAD",
  selector: Selector,
  signal: AbortSignal,
): Promise<Response> {
  const target = pathOf(remote, selector);
  try {
    return await client.send({
      method,
      target,
      headers: { Accept: ACCEPT },
      scopes: [scopeOf(remote.name.path, "pull")],
      signal,
    });
  } catch (error) {
    // Docker asks for a manifest's head first, and says so when it may not.
    if (error instanceof Error && "kind" in error && error.kind === "unauthorized") {
      throw unauthorized(`Head "${client.base}${target}": ${error.message}`, { cause: error });
    }
    throw error;
  }
}

export async function putManifest(
  remote: Remote,
  selector: Selector,
  manifest: { mediaType: string; bytes: Uint8Array },
  signal: AbortSignal,
): Promise<Digest> {
  const digest = sha256(manifest.bytes);
  await retrying("put manifest", remote.attempts, signal, async () => {
    const response = await remote.push.send({
      method: "PUT",
      target: pathOf(remote, selector),
      headers: { "Content-Type": manifest.mediaType },
      body: manifest.bytes,
      scopes: [scopeOf(remote.name.path, "pull,push")],
      signal,
      within: PUT_WITHIN,
    });
    if (response.status < 200 || response.status > 299) throw await failureOf(response);
    await drop(response);
    const stored = response.headers.get("docker-content-digest");
    if (stored !== null && stored !== digest) {
      throw new RegistryError(
        response.status,
        "",
        `the registry stored ${stored.slice(0, 100)} instead of ${digest}`,
      );
    }
  });
  return digest;
}

export async function deleteManifest(remote: Remote, digest: Digest, signal: AbortSignal): Promise<void> {
  await retrying("delete manifest", remote.attempts, signal, async () => {
    const response = await remote.push.send({
      method: "DELETE",
      target: pathOf(remote, { digest }),
      scopes: [scopeOf(remote.name.path, "pull,push"), scopeOf(remote.name.path, "delete")],
      signal,
    });
    if (response.status < 200 || response.status > 299) throw await failureOf(response);
    await drop(response);
  });
}
