/** Pushing by plain requests, as the distribution-spec says them. */
export interface Pushed {
  bytes: Uint8Array;
  digest: string;
}

export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
export const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";

export function contentOf(data: string | Uint8Array): Pushed {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return { bytes, digest: `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}` };
}

/** Different content at each call. */
export function someContent(size: number, seed = crypto.randomUUID()): Pushed {
  const bytes = new Uint8Array(size);
  const start = new Bun.CryptoHasher("sha256").update(seed).digest();
  for (let at = 0; at < size; at += 32) {
    bytes.set(start.subarray(0, Math.min(32, size - at)), at);
    start.writeUInt32LE((start.readUInt32LE(0) + 1) >>> 0, 0);
  }
  return contentOf(bytes);
}

/** Where an upload goes on: locations may be relative. */
export function locationOf(url: string, response: Response): string {
  return new URL(response.headers.get("location") ?? "", url).toString();
}

export function withDigest(location: string, digest: string): string {
  const url = new URL(location);
  url.searchParams.set("digest", digest);
  return url.toString();
}

export async function startUpload(url: string, name: string): Promise<string> {
  const response = await fetch(`${url}/v2/${name}/blobs/uploads/`, { method: "POST" });
  if (response.status !== 202) throw new Error(`POST: ${response.status} ${await response.text()}`);
  return locationOf(url, response);
}

/** @throws with the answer, when it was not acknowledged. */
export async function pushBlob(url: string, name: string, { bytes, digest }: Pushed): Promise<void> {
  const location = await startUpload(url, name);
  const response = await fetch(withDigest(location, digest), {
    method: "PUT",
    body: bytes as Uint8Array<ArrayBuffer>,
    headers: { "Content-Type": "application/octet-stream" },
  });
  if (response.status !== 201) throw new Error(`PUT: ${response.status} ${await response.text()}`);
}

export function manifestOf(
  config: Pushed,
  layers: readonly Pushed[],
  more: Record<string, unknown> = {},
): Pushed {
  return contentOf(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest: config.digest, size: config.bytes.byteLength },
      layers: layers.map(({ digest, bytes }) => ({ mediaType: OCI_LAYER, digest, size: bytes.byteLength })),
      ...more,
    }),
  );
}

export function indexOf(manifests: readonly Pushed[], more: Record<string, unknown> = {}): Pushed {
  return contentOf(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: manifests.map(({ digest, bytes }) => ({
        mediaType: OCI_MANIFEST,
        digest,
        size: bytes.byteLength,
      })),
      ...more,
    }),
  );
}

export function putManifest(
  url: string,
  name: string,
  reference: string,
  manifest: Pushed,
  type = OCI_MANIFEST,
): Promise<Response> {
  return fetch(`${url}/v2/${name}/manifests/${reference}`, {
    method: "PUT",
    body: manifest.bytes as Uint8Array<ArrayBuffer>,
    headers: { "Content-Type": type },
  });
}

/** An image of one layer. @returns its parts. @throws when something was not acknowledged. */
export async function pushImage(url: string, name: string, tag: string, size = 1000) {
  const config = someContent(200);
  const layer = someContent(size);
  await pushBlob(url, name, config);
  await pushBlob(url, name, layer);
  const manifest = manifestOf(config, [layer]);
  const response = await putManifest(url, name, tag, manifest);
  if (response.status !== 201) throw new Error(`manifest: ${response.status} ${await response.text()}`);
  return { config, layer, manifest };
}

/** @throws unless manifest and blobs are there, whole. */
export async function verifyImage(url: string, name: string, reference: string): Promise<void> {
  const response = await fetch(`${url}/v2/${name}/manifests/${reference}`, {
    headers: { Accept: `${OCI_MANIFEST}, ${OCI_INDEX}` },
  });
  if (response.status !== 200) throw new Error(`${name}:${reference}: ${response.status}`);
  const manifest = (await response.json()) as { config: { digest: string }; layers: { digest: string }[] };
  for (const { digest } of [manifest.config, ...manifest.layers]) await verifyBlob(url, name, digest);
}

/** @throws unless the blob is there, whole. */
export async function verifyBlob(url: string, name: string, digest: string): Promise<void> {
  const response = await fetch(`${url}/v2/${name}/blobs/${digest}`);
  if (response.status !== 200) throw new Error(`${name}@${digest}: ${response.status}`);
  const actual = contentOf(new Uint8Array(await response.arrayBuffer())).digest;
  if (actual !== digest) throw new Error(`${name}@${digest} has the content of ${actual}`);
}
