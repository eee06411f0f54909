import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeContract } from "./contract.test-helper.ts";
import { openDiskStore } from "./disk/disk-store.ts";
import { S3TestServer, TEST_CREDENTIALS } from "./s3/s3-server.test-helper.ts";
import { openS3Store } from "./s3/s3-store.ts";
import { sha256Hex, sign } from "./s3/sigv4.ts";

setDefaultTimeout(60_000);

describe("disk", () => {
  storeContract(async () => {
    const root = mkdtempSync(join(tmpdir(), "berth-registry-"));
    const end = async () => rmSync(root, { recursive: true, force: true });
    return Object.assign(openDiskStore(root), { end });
  });
});

const open = (server: S3TestServer, secretKey = TEST_CREDENTIALS.secretKey) =>
  openS3Store({
    ...TEST_CREDENTIALS,
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
