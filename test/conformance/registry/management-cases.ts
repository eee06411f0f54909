/** Lists, referrers, deleting, bad requests: endpoints 8 to 10 and 12, and the catalog of Docker's API. */
import { expect } from "bun:test";
import { CaseList, errorCode, UNKNOWN_DIGEST as unknownDigest } from "./case.ts";
import {
  manifestOf,
  OCI_INDEX,
  OCI_MANIFEST,
  pushBlob,
  pushImage,
  putManifest,
  someContent,
} from "./pusher.ts";

const list = new CaseList();
const add = list.add.bind(list);
// --- lists
add(
  "end-8: tags in order, by pages with n, last and Link",
  async (url, name) => {
    const { manifest } = await pushImage(url, name, "t0");
    for (const tag of ["t3", "t1", "B", "t2"]) await putManifest(url, name, tag, manifest);
    const all = await fetch(`${url}/v2/${name}/tags/list`);
    expect(await all.json()).toEqual({ name, tags: ["B", "t0", "t1", "t2", "t3"] });
    const seen: string[] = [];
    let next: string | undefined = `${url}/v2/${name}/tags/list?n=2`;
    while (next !== undefined) {
      const page: Response = await fetch(next);
      const { tags } = (await page.json()) as { tags: string[] };
      expect(tags.length).toBeLessThanOrEqual(2);
      seen.push(...tags);
      const link = /^<([^>]+)>;\s*rel="?next"?/.exec(page.headers.get("link") ?? "");
      next = link === null ? undefined : new URL(link[1]!, url).toString();
    }
    expect(seen).toEqual(["B", "t0", "t1", "t2", "t3"]);
    const after = await fetch(`${url}/v2/${name}/tags/list?n=10&last=t1`);
    expect(((await after.json()) as { tags: string[] }).tags).toEqual(["t2", "t3"]);
  },
  "it has no pages of tags",
);
add("end-8: tags of an unknown repository are 404 NAME_UNKNOWN", async (url, name) => {
  const response = await fetch(`${url}/v2/${name}/nothing/tags/list`);
  expect(response.status).toBe(404);
  expect(await errorCode(response)).toBe("NAME_UNKNOWN");
});
add("the catalog, by pages", async (url, name) => {
  for (const part of ["a", "a/b", "a-b", "c"]) await pushImage(url, `${name}/${part}`, "v1", 10);
  const found: string[] = [];
  let next: string | undefined = `${url}/v2/_catalog?n=2&last=${encodeURIComponent(`${name}/`)}`;
  while (next !== undefined && found.length < 4) {
    const page: Response = await fetch(next);
    expect(page.status).toBe(200);
    found.push(...((await page.json()) as { repositories: string[] }).repositories);
    const link = /^<([^>]+)>;\s*rel="?next"?/.exec(page.headers.get("link") ?? "");
    next = link === null ? undefined : new URL(link[1]!, url).toString();
  }
  expect(found.filter((each) => each.startsWith(`${name}/`)).sort()).toEqual(
    ["a", "a-b", "a/b", "c"].map((part) => `${name}/${part}`),
  );
});
add(
  "a number of entries that is none is 400",
  async (url, name) => {
    await pushImage(url, name, "v1");
    const response = await fetch(`${url}/v2/_catalog?n=-1`);
    expect(response.status).toBe(400);
    expect(await errorCode(response)).toBe("PAGINATION_NUMBER_INVALID");
  },
  "it takes any number",
);

// --- referrers
add(
  "end-12: referrers: what names a subject, by type, with OCI-Subject",
  async (url, name) => {
    const { manifest, config } = await pushImage(url, name, "v1");
    const subject = { mediaType: OCI_MANIFEST, digest: manifest.digest, size: manifest.bytes.byteLength };
    const one = manifestOf(config, [], {
      subject,
      artifactType: "application/x.one",
      annotations: { a: "b" },
    });
    const two = manifestOf(config, [], { subject, artifactType: "application/x.two" });
    for (const each of [one, two]) {
      const response = await putManifest(url, name, each.digest, each);
      expect(response.status).toBe(201);
      expect(response.headers.get("oci-subject")).toBe(manifest.digest);
    }
    const all = await fetch(`${url}/v2/${name}/referrers/${manifest.digest}`);
    expect(all.status).toBe(200);
    expect(all.headers.get("content-type")).toBe(OCI_INDEX);
    const list = (await all.json()) as { manifests: { digest: string; annotations?: object }[] };
    expect(list.manifests.map(({ digest }) => digest).sort()).toEqual([one.digest, two.digest].sort());
    expect(list.manifests.find(({ digest }) => digest === one.digest)!.annotations).toEqual({ a: "b" });
    const some = await fetch(`${url}/v2/${name}/referrers/${manifest.digest}?artifactType=application/x.two`);
    expect(some.headers.get("oci-filters-applied")).toBe("artifactType");
    const filtered = (await some.json()) as { manifests: { digest: string; artifactType: string }[] };
    expect(filtered.manifests).toMatchObject([{ digest: two.digest, artifactType: "application/x.two" }]);
    await fetch(`${url}/v2/${name}/manifests/${one.digest}`, { method: "DELETE" });
    const rest = await (await fetch(`${url}/v2/${name}/referrers/${manifest.digest}`)).json();
    expect((rest as { manifests: unknown[] }).manifests).toHaveLength(1);
  },
  "it has no referrers",
);
add(
  "end-12: nothing refers to what is not there; the subject may come later",
  async (url, name) => {
    const response = await fetch(`${url}/v2/${name}/referrers/${unknownDigest}`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
    const config = someContent(10);
    await pushBlob(url, name, config);
    const subject = { mediaType: OCI_MANIFEST, digest: unknownDigest, size: 10 };
    const early = manifestOf(config, [], { subject });
    expect((await putManifest(url, name, early.digest, early)).status).toBe(201);
    const after = await (await fetch(`${url}/v2/${name}/referrers/${unknownDigest}`)).json();
    expect((after as { manifests: unknown[] }).manifests).toHaveLength(1);
  },
  "it has no referrers",
);
add(
  "end-12: a malformed digest is 400",
  async (url, name) => {
    expect((await fetch(`${url}/v2/${name}/referrers/sha256:abc`)).status).toBe(400);
  },
  "it has no referrers",
);

// --- delete
add(
  "end-9: DELETE of a tag leaves the manifest",
  async (url, name) => {
    const { manifest } = await pushImage(url, name, "v1");
    expect((await fetch(`${url}/v2/${name}/manifests/v1`, { method: "DELETE" })).status).toBe(202);
    expect((await fetch(`${url}/v2/${name}/manifests/v1`)).status).toBe(404);
    const byDigest = await fetch(`${url}/v2/${name}/manifests/${manifest.digest}`, {
      headers: { Accept: OCI_MANIFEST },
    });
    expect(byDigest.status).toBe(200);
  },
  "it deletes by digest only",
);
add("end-9: DELETE of a manifest takes its tags", async (url, name) => {
  const { manifest } = await pushImage(url, name, "v1");
  const path = `${url}/v2/${name}/manifests/${manifest.digest}`;
  expect((await fetch(path, { method: "DELETE" })).status).toBe(202);
  expect((await fetch(path, { headers: { Accept: OCI_MANIFEST } })).status).toBe(404);
  expect((await fetch(`${url}/v2/${name}/manifests/v1`)).status).toBe(404);
  expect((await fetch(path, { method: "DELETE" })).status).toBe(404);
});
add("end-10: DELETE of a blob", async (url, name) => {
  const content = someContent(100);
  await pushBlob(url, name, content);
  const path = `${url}/v2/${name}/blobs/${content.digest}`;
  expect((await fetch(path, { method: "DELETE" })).status).toBe(202);
  expect((await fetch(path)).status).toBe(404);
  expect((await fetch(path, { method: "DELETE" })).status).toBe(404);
  await pushBlob(url, name, content);
  expect((await fetch(path)).status).toBe(200);
});

// --- bad requests
add(
  "malformed names are refused",
  async (url) => {
    for (const name of ["UPPER", "a//b", "-a", "a..b", "a_-b", `a/${"b".repeat(300)}`]) {
      const response = await fetch(`${url}/v2/${name}/tags/list`, { redirect: "manual" });
      expect([400, 404, 301]).toContain(response.status);
    }
  },
  "it answers 500 to a long name",
);
add("a method that a path does not have is 405", async (url, name) => {
  const response = await fetch(`${url}/v2/${name}/tags/list`, { method: "POST" });
  expect(response.status).toBe(405);
});
add("a tag that is none is not stored", async (url, name) => {
  const { manifest } = await pushImage(url, name, "v1");
  const response = await putManifest(url, name, "-bad", manifest);
  expect([400, 404]).toContain(response.status);
});

export const MANAGEMENT_CASES = list.cases;
