/** Pulling and pushing: OCI distribution-spec 1.1, endpoints 1 to 7, 11 and 13. */
import { expect } from "bun:test";
import { CaseList, errorCode, UNKNOWN_DIGEST as unknownDigest } from "./case.ts";
import {
  contentOf,
  indexOf,
  locationOf,
  manifestOf,
  OCI_INDEX,
  OCI_MANIFEST,
  type Pushed,
  pushBlob,
  pushImage,
  putManifest,
  someContent,
  startUpload,
  withDigest,
} from "./pusher.ts";

const list = new CaseList();
const add = list.add.bind(list);
const body = (content: Pushed) => content.bytes as Uint8Array<ArrayBuffer>;
const octets = { "Content-Type": "application/octet-stream" };

function patch(location: string, bytes: Uint8Array, start?: number): Promise<Response> {
  return fetch(location, {
    method: "PATCH",
    body: bytes as Uint8Array<ArrayBuffer>,
    headers: {
      ...octets,
      ...(start !== undefined && { "Content-Range": `${start}-${start + bytes.byteLength - 1}` }),
    },
  });
}

// --- end-1, headers
add("end-1: GET /v2/ is 200 and names the API's version", async (url) => {
  const response = await fetch(`${url}/v2/`);
  expect(response.status).toBe(200);
  expect(response.headers.get("docker-distribution-api-version")).toBe("registry/2.0");
});

// --- pull
add("end-2: GET and HEAD of a blob", async (url, name) => {
  const { layer } = await pushImage(url, name, "v1");
  for (const method of ["GET", "HEAD"]) {
    const response = await fetch(`${url}/v2/${name}/blobs/${layer.digest}`, { method });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe("1000");
    expect(response.headers.get("docker-content-digest")).toBe(layer.digest);
    if (method === "GET") expect(contentOf(await response.bytes()).digest).toBe(layer.digest);
  }
});
add("end-2: an unknown blob is 404 BLOB_UNKNOWN", async (url, name) => {
  const response = await fetch(`${url}/v2/${name}/blobs/${unknownDigest}`);
  expect(response.status).toBe(404);
  expect(await errorCode(response)).toBe("BLOB_UNKNOWN");
  expect((await fetch(`${url}/v2/${name}/blobs/${unknownDigest}`, { method: "HEAD" })).status).toBe(404);
});
add("end-2: a blob of another repository is not there", async (url, name) => {
  const { layer } = await pushImage(url, `${name}/one`, "v1");
  expect((await fetch(`${url}/v2/${name}/two/blobs/${layer.digest}`, { method: "HEAD" })).status).toBe(404);
});
add("end-2: ranges: 206 with Content-Range, 416 outside", async (url, name) => {
  const { layer } = await pushImage(url, name, "v1");
  const blob = `${url}/v2/${name}/blobs/${layer.digest}`;
  for (const [range, start, end] of [
    ["bytes=10-19", 10, 20],
    ["bytes=990-", 990, 1000],
    ["bytes=-5", 995, 1000],
    ["bytes=0-99999", 0, 1000],
  ] as const) {
    const response = await fetch(blob, { headers: { Range: range } });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe(`bytes ${start}-${end - 1}/1000`);
    expect(await response.bytes()).toEqual(layer.bytes.slice(start, end));
  }
  expect((await fetch(blob, { headers: { Range: "bytes=1000-" } })).status).toBe(416);
});
add("end-2: If-None-Match with the ETag is 304", async (url, name) => {
  const { layer } = await pushImage(url, name, "v1");
  const blob = `${url}/v2/${name}/blobs/${layer.digest}`;
  const etag = (await fetch(blob)).headers.get("etag")!;
  expect(etag).toContain(layer.digest);
  const response = await fetch(blob, { headers: { "If-None-Match": etag } });
  expect(response.status).toBe(304);
  expect(await response.text()).toBe("");
});
add("end-3: GET and HEAD of a manifest by tag and digest", async (url, name) => {
  const { manifest } = await pushImage(url, name, "v1");
  for (const reference of ["v1", manifest.digest]) {
    for (const method of ["GET", "HEAD"]) {
      const response = await fetch(`${url}/v2/${name}/manifests/${reference}`, {
        method,
        headers: { Accept: OCI_MANIFEST },
      });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe(OCI_MANIFEST);
      expect(response.headers.get("docker-content-digest")).toBe(manifest.digest);
      expect(response.headers.get("content-length")).toBe(String(manifest.bytes.byteLength));
      if (method === "GET") expect(contentOf(await response.bytes()).digest).toBe(manifest.digest);
    }
  }
});
add("end-3: an unknown manifest is 404 MANIFEST_UNKNOWN", async (url, name) => {
  for (const reference of ["nope", unknownDigest]) {
    const response = await fetch(`${url}/v2/${name}/manifests/${reference}`);
    expect(response.status).toBe(404);
    expect(await errorCode(response)).toBe("MANIFEST_UNKNOWN");
  }
});
add("end-3: If-None-Match of a manifest is 304", async (url, name) => {
  const { manifest } = await pushImage(url, name, "v1");
  const response = await fetch(`${url}/v2/${name}/manifests/v1`, {
    headers: { Accept: OCI_MANIFEST, "If-None-Match": `"${manifest.digest}"` },
  });
  expect(response.status).toBe(304);
});

// --- push of blobs
add("end-4a, 6: POST, then PUT of all", async (url, name) => {
  const content = someContent(5000);
  const location = await startUpload(url, name);
  const response = await fetch(withDigest(location, content.digest), {
    method: "PUT",
    body: body(content),
    headers: octets,
  });
  expect(response.status).toBe(201);
  expect(response.headers.get("docker-content-digest")).toBe(content.digest);
  expect((await fetch(locationOf(url, response))).status).toBe(200);
});
add(
  "end-4b: one POST with digest and content",
  async (url, name) => {
    const content = someContent(5000);
    const response = await fetch(`${url}/v2/${name}/blobs/uploads/?digest=${content.digest}`, {
      method: "POST",
      body: body(content),
      headers: octets,
    });
    expect(response.status).toBe(201);
    expect((await fetch(locationOf(url, response))).status).toBe(200);
  },
  "it answers 202 and expects a PUT, which the specification allows",
);
add("end-5: chunks in order, with Range and status in between", async (url, name) => {
  const content = someContent(3000);
  let location = await startUpload(url, name);
  for (const start of [0, 1000]) {
    const response = await patch(location, content.bytes.subarray(start, start + 1000), start);
    expect(response.status).toBe(202);
    expect(response.headers.get("range")).toBe(`0-${start + 999}`);
    location = locationOf(url, response);
  }
  const status = await fetch(location);
  expect(status.status).toBe(204);
  expect(status.headers.get("range")).toBe("0-1999");
  location = locationOf(url, status);
  const last = await fetch(withDigest(location, content.digest), {
    method: "PUT",
    body: content.bytes.slice(2000),
    headers: { ...octets, "Content-Range": "2000-2999" },
  });
  expect(last.status).toBe(201);
  const got = await fetch(`${url}/v2/${name}/blobs/${content.digest}`);
  expect(contentOf(await got.bytes()).digest).toBe(content.digest);
});
add(
  "end-5: a chunk out of order is 416, and the upload goes on",
  async (url, name) => {
    const content = someContent(2000);
    let location = await startUpload(url, name);
    const early = await patch(location, content.bytes.subarray(1000), 1000);
    expect(early.status).toBe(416);
    const first = await patch(location, content.bytes.subarray(0, 1000), 0);
    expect(first.status).toBe(202);
    location = locationOf(url, first);
    expect((await patch(location, content.bytes.subarray(0, 1000), 0)).status).toBe(416);
    const second = await patch(location, content.bytes.subarray(1000), 1000);
    expect(second.status).toBe(202);
    const last = await fetch(withDigest(locationOf(url, second), content.digest), { method: "PUT" });
    expect(last.status).toBe(201);
  },
  "it takes any first chunk",
);
add("end-5: a stream without Content-Range is appended", async (url, name) => {
  const content = someContent(2000);
  const location = await startUpload(url, name);
  const response = await patch(location, content.bytes);
  expect(response.status).toBe(202);
  expect((await fetch(withDigest(locationOf(url, response), content.digest), { method: "PUT" })).status).toBe(
    201,
  );
});
add("end-6: a wrong digest is 400 DIGEST_INVALID, and nothing is kept", async (url, name) => {
  const content = someContent(1000);
  const other = someContent(1000);
  const location = await startUpload(url, name);
  const response = await fetch(withDigest(location, other.digest), {
    method: "PUT",
    body: body(content),
    headers: octets,
  });
  expect(response.status).toBe(400);
  expect(await errorCode(response)).toBe("DIGEST_INVALID");
  expect((await fetch(`${url}/v2/${name}/blobs/${other.digest}`, { method: "HEAD" })).status).toBe(404);
});
add("end-6: no digest and a malformed one are 400", async (url, name) => {
  for (const query of ["", "?digest=sha256:abc", "?digest=nonsense"]) {
    const location = new URL(await startUpload(url, name));
    if (query !== "") location.searchParams.set("digest", query.slice(8));
    const response = await fetch(location, { method: "PUT", body: "x", headers: octets });
    expect(response.status).toBe(400);
    expect(await errorCode(response)).toBe("DIGEST_INVALID");
  }
});
add("end-6: the blob without content", async (url, name) => {
  const empty = contentOf("");
  await pushBlob(url, name, empty);
  const response = await fetch(`${url}/v2/${name}/blobs/${empty.digest}`);
  expect(response.status).toBe(200);
  expect((await response.bytes()).byteLength).toBe(0);
});
add(
  "sha512: blobs and manifests",
  async (url, name) => {
    const content = someContent(1000);
    const digest = `sha512:${new Bun.CryptoHasher("sha512").update(content.bytes).digest("hex")}`;
    await pushBlob(url, name, { bytes: content.bytes, digest });
    expect((await fetch(`${url}/v2/${name}/blobs/${digest}`)).headers.get("docker-content-digest")).toBe(
      digest,
    );
    const manifest = manifestOf({ bytes: content.bytes, digest }, []);
    const own = `sha512:${new Bun.CryptoHasher("sha512").update(manifest.bytes).digest("hex")}`;
    expect((await putManifest(url, name, own, manifest)).status).toBe(201);
    const got = await fetch(`${url}/v2/${name}/manifests/${own}`, { headers: { Accept: OCI_MANIFEST } });
    expect(got.headers.get("docker-content-digest")).toBe(own);
  },
  "a manifest is only known by its sha256 digest",
);
add(
  "end-13: the status of an unknown upload is 404 BLOB_UPLOAD_UNKNOWN",
  async (url, name) => {
    const response = await fetch(`${url}/v2/${name}/blobs/uploads/${crypto.randomUUID()}`);
    expect(response.status).toBe(404);
    expect(await errorCode(response)).toBe("BLOB_UPLOAD_UNKNOWN");
  },
  "its code for an upload without its secret state is BLOB_UPLOAD_INVALID",
);
add("an upload is cancelled by DELETE", async (url, name) => {
  const location = await startUpload(url, name);
  expect((await fetch(location, { method: "DELETE" })).status).toBe(204);
  expect((await fetch(location)).status).toBe(404);
});
add("end-11: mounting from another repository", async (url, name) => {
  const content = someContent(1000);
  await pushBlob(url, `${name}/from`, content);
  const mount = `${url}/v2/${name}/to/blobs/uploads/?mount=${content.digest}&from=${name}/from`;
  const response = await fetch(mount, { method: "POST" });
  expect(response.status).toBe(201);
  expect((await fetch(locationOf(url, response))).status).toBe(200);
  expect((await fetch(`${url}/v2/${name}/to/blobs/${content.digest}`)).status).toBe(200);
});
add("end-11: mounting what is not there begins an upload", async (url, name) => {
  const response = await fetch(`${url}/v2/${name}/blobs/uploads/?mount=${unknownDigest}&from=${name}/from`, {
    method: "POST",
  });
  expect(response.status).toBe(202);
  expect(response.headers.get("location")).not.toBeNull();
});

// --- push of manifests
add("end-7: PUT answers 201 with Location and digest", async (url, name) => {
  const { manifest } = await pushImage(url, name, "v1");
  const response = await putManifest(url, name, "v2", manifest);
  expect(response.status).toBe(201);
  expect(response.headers.get("docker-content-digest")).toBe(manifest.digest);
  expect((await fetch(locationOf(url, response), { headers: { Accept: OCI_MANIFEST } })).status).toBe(200);
});
add("end-7: a manifest whose blobs are missing is refused: MANIFEST_BLOB_UNKNOWN", async (url, name) => {
  const response = await putManifest(url, name, "v1", manifestOf(someContent(10), [someContent(10)]));
  expect([400, 404]).toContain(response.status);
  expect(await errorCode(response)).toBe("MANIFEST_BLOB_UNKNOWN");
  expect((await fetch(`${url}/v2/${name}/manifests/v1`)).status).toBe(404);
});
add("end-7: an index whose manifests are missing is refused", async (url, name) => {
  await pushImage(url, name, "v1");
  const index = indexOf([manifestOf(someContent(10), [])]);
  const response = await putManifest(url, name, "all", index, OCI_INDEX);
  expect([400, 404]).toContain(response.status);
  expect(await errorCode(response)).toBe("MANIFEST_BLOB_UNKNOWN");
});
add("end-7: an index of manifests that are there", async (url, name) => {
  const { manifest } = await pushImage(url, name, "v1");
  const index = indexOf([manifest]);
  expect((await putManifest(url, name, "all", index, OCI_INDEX)).status).toBe(201);
  const got = await fetch(`${url}/v2/${name}/manifests/all`, { headers: { Accept: OCI_INDEX } });
  expect(got.headers.get("content-type")).toBe(OCI_INDEX);
  expect(contentOf(await got.bytes()).digest).toBe(index.digest);
});
add("end-7: Docker's schema 2", async (url, name) => {
  const config = someContent(20);
  await pushBlob(url, name, config);
  const type = "application/vnd.docker.distribution.manifest.v2+json";
  const manifest = contentOf(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: {
        mediaType: "application/vnd.docker.container.image.v1+json",
        digest: config.digest,
        size: 20,
      },
      layers: [],
    }),
  );
  expect((await putManifest(url, name, "v1", manifest, type)).status).toBe(201);
  const got = await fetch(`${url}/v2/${name}/manifests/v1`, { headers: { Accept: type } });
  expect(got.headers.get("content-type")).toBe(type);
});
add("end-7: a digest that is not the content's is 400", async (url, name) => {
  const { manifest } = await pushImage(url, name, "v1");
  const response = await putManifest(url, name, unknownDigest, manifest);
  expect(response.status).toBe(400);
  expect(await errorCode(response)).toBe("DIGEST_INVALID");
});
add(
  "end-7: garbage, a wrong type, manifest and index at once are 400 MANIFEST_INVALID",
  async (url, name) => {
    const config = someContent(20);
    await pushBlob(url, name, config);
    const both = contentOf(
      JSON.stringify({
        ...JSON.parse(new TextDecoder().decode(manifestOf(config, []).bytes)),
        manifests: [],
      }),
    );
    for (const content of [contentOf("no json"), contentOf("[]"), both]) {
      const response = await putManifest(url, name, "v1", content);
      expect(response.status).toBe(400);
      expect(await errorCode(response)).toBe("MANIFEST_INVALID");
    }
  },
);
add("end-7: an arbitrary artifact", async (url, name) => {
  const empty = contentOf("{}");
  await pushBlob(url, name, empty);
  const manifest = contentOf(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: "application/x.example",
      config: { mediaType: "application/vnd.oci.empty.v1+json", digest: empty.digest, size: 2 },
      layers: [{ mediaType: "application/x.example.data", digest: empty.digest, size: 2 }],
    }),
  );
  expect((await putManifest(url, name, "artifact", manifest)).status).toBe(201);
});

export const CONTENT_CASES = list.cases;
