/** The cases, against Berth's registry and Debian's docker-registry: what that lacks must really be lacking. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import {
  S3TestServer,
  TEST_CREDENTIALS,
} from "../../../packages/registry/src/server/storage/s3/s3-server.test-helper.ts";
import { CONTENT_CASES } from "./content-cases.ts";
import { MANAGEMENT_CASES } from "./management-cases.ts";
import { RegistryProcess } from "./server.ts";

setDefaultTimeout(30_000);

function s3Flags({ endpoint }: S3TestServer): string[] {
  const { accessKey, secretKey } = TEST_CREDENTIALS;
  const keys = ["--s3-access-key", accessKey, "--s3-secret-key", secretKey];
  return ["--s3-bucket", "images", "--s3-endpoint", endpoint, "--s3-prefix", "registry", ...keys];
}

for (const name of ["berth", "berth on S3", "docker-registry"] as const) {
  const isThere = name !== "docker-registry" || existsSync("/usr/bin/docker-registry");
  describe.skipIf(!isThere)(name, () => {
    let registry: RegistryProcess;
    let bucket: S3TestServer | undefined;
    beforeAll(async () => {
      if (name === "berth on S3") bucket = new S3TestServer();
      registry = await RegistryProcess.start(name === "docker-registry" ? name : "berth", {
        flags: bucket === undefined ? [] : s3Flags(bucket),
      });
    });
    afterAll(async () => {
      await registry[Symbol.asyncDispose]();
      await bucket?.stop();
    });
    for (const [index, each] of [...CONTENT_CASES, ...MANAGEMENT_CASES].entries()) {
      const isLacking = name === "docker-registry" && each.lacking !== undefined;
      test(isLacking ? `${each.name} (lacking: ${each.lacking})` : each.name, async () => {
        const attempt = each.run(registry.url, `conformance/case${index}`);
        if (isLacking)
          expect(
            await attempt.then(
              () => "passed",
              () => "failed",
            ),
          ).toBe("failed");
        else await attempt;
      });
    }
  });
}
