/** The cases, against Berth's registry and Debian's docker-registry: what that lacks must really be lacking. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { CONTENT_CASES } from "./content-cases.ts";
import { MANAGEMENT_CASES } from "./management-cases.ts";
import { RegistryProcess } from "./server.ts";

setDefaultTimeout(30_000);

for (const name of ["berth", "docker-registry"] as const) {
  const isThere = name === "berth" || existsSync("/usr/bin/docker-registry");
  describe.skipIf(!isThere)(name, () => {
    let registry: RegistryProcess;
    beforeAll(async () => {
      registry = await RegistryProcess.start(name);
    });
    afterAll(async () => {
      await registry[Symbol.asyncDispose]();
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
