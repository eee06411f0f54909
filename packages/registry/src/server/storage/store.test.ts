import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeContract } from "./contract.test-helper.ts";
import { openDiskStore } from "./disk/disk-store.ts";
import { S3TestServer, TEST_CREDENTIALS } from "./s3/s3-server.test-helper.ts";
import { openS3Store, type S3StoreSettings } from "./s3/s3-store.ts";
import { presign, sha256Hex, sign } from "./s3/sigv4.ts";

setDefaultTimeout(60_000);

describe("disk", () => {
  storeContract(async () => {
    const root = mkdtempSync(join(tmpdir(), "berth-registry-"));
    const end = async () => rmSync(root, { recursive: true, force: true });
    return Object.assign(openDiskStore(root), { end });
  });
});

const open = (
  server: S3TestServer,
  secretKey = TEST_CREDENTIALS.secretKey,
  more: Partial<S3StoreSettings> = {},
) =>
  openS3Store({
    ...TEST_CREDENTIALS,
    ...more,
    secretKey,
    endpoint: server.endpoint,
    region: "us-east-1",
    bucket: "images",
    prefix: "/some folder/",
  });

describe("S3", () => {
  storeContract(async () => {
    const server = new S3TestServer();
    return Object.assign(open(server), { end: () => server.stop() });
  });

  test("what fails in passing is repeated; what is refused is not", async () => {
    const server = new S3TestServer();
    const store = open(server);
    server.failures = 2;
    await store.write([["a", "b"]]);
    expect(new TextDecoder().decode(await store.read("a"))).toBe("b");
    await expect(open(server, "wrong").check()).rejects.toThrow("SignatureDoesNotMatch");
    await server.stop();
  });

  test("clients read from the bucket itself, by a URL that is for one object and a while", async () => {
    const server = new S3TestServer();
    const store = open(server, TEST_CREDENTIALS.secretKey, { redirect: true });
    await store.write([["a/b", "0123456789"]]);
    const url = store.redirect!("a/b")!;
    expect(await (await fetch(url)).text()).toBe("0123456789");
    const part = await fetch(url, { headers: { Range: "bytes=2-3" } });
    expect([part.status, await part.text()]).toEqual([206, "23"]);
    expect((await fetch(url.replace("/a/b", "/a/c"))).status).toBe(403);
    expect((await fetch(url, { method: "DELETE" })).status).toBe(403);
    expect(open(server).redirect!("a/b")).toBeUndefined();
    await server.stop();
  });

  test("what the store is to do with objects, and temporary keys", async () => {
    const server = new S3TestServer();
    const settings = { encrypt: true, keyId: "key-1", storageClass: "STANDARD_IA", sessionToken: "token" };
    const store = open(server, TEST_CREDENTIALS.secretKey, { ...settings, partSize: 5 << 20 });
    await store.write([["a", "b"]]);
    await store.createUpload("u");
    async function* pieces() {
      yield new Uint8Array(6 << 20);
    }
    await store.appendUpload("u", 0, pieces(), () => {});
    await store.publishUpload("u", "blob");
    for (const key of ["a", "u/data", "blob"]) {
      const headers = server.made.get(`some folder/${key}`)!;
      expect(headers.get("x-amz-server-side-encryption")).toBe("aws:kms");
      expect(headers.get("x-amz-server-side-encryption-aws-kms-key-id")).toBe("key-1");
      expect(headers.get("x-amz-storage-class")).toBe("STANDARD_IA");
      expect(headers.get("x-amz-security-token")).toBe("token");
    }
    expect((await store.stat("blob"))!.size).toBe(6 << 20);
    await server.stop();
  });

  // The example of AWS' documentation ("Authenticating Requests: Using Query Parameters").
  test("the signature of a URL", () => {
    const query = presign(
      "examplebucket.s3.amazonaws.com",
      "/test.txt",
      { accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
      "us-east-1",
      new Date("2013-05-24T00:00:00Z"),
      86_400,
    );
    expect(query).toEndWith(
      "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    );
  });

  // The example of AWS' documentation of Signature Version 4 for S3 ("Example: GET Object").
  test("the signature", () => {
    const headers = sign(
      {
        method: "GET",
        host: "examplebucket.s3.amazonaws.com",
        path: "/test.txt",
        query: [],
        headers: { range: "bytes=0-9" },
        payload: sha256Hex(""),
      },
      { accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
      "us-east-1",
      new Date("2013-05-24T00:00:00Z"),
    );
    expect(headers.authorization).toEndWith(
      "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
  });
});
