/** The parsers of the registry server. */

import { Htpasswd } from "../../packages/registry/src/server/auth/htpasswd.ts";
import { verifyToken } from "../../packages/registry/src/server/auth/jwt.ts";
import { parseRights } from "../../packages/registry/src/server/auth/rights.ts";
import { RegistryError } from "../../packages/registry/src/server/errors.ts";
import { matchesEtag, parseChunkRange, parseRange } from "../../packages/registry/src/server/http/ranges.ts";
import { parseRoute } from "../../packages/registry/src/server/http/route.ts";
import { isContentDigest, isName, isTag } from "../../packages/registry/src/server/names.ts";
import { readManifestDocument } from "../../packages/registry/src/server/repository/manifest-document.ts";
import { blobKey, tagKey } from "../../packages/registry/src/server/storage/paths.ts";
import type { Target } from "./targets.ts";

const text = (input: Uint8Array): string => Buffer.from(input).toString("utf8");
const isRegistryError = (error: unknown): boolean => error instanceof RegistryError;
const digest = `sha256:${"ab".repeat(32)}`;

/** A key that leaves its folder would be a hole. */
function mustStayInside(key: string): void {
  const parts = key.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..") || /[\0\\]/.test(key))
    throw new Error(`a key that leaves its folder: ${key}`);
}

export const REGISTRY_TARGETS: readonly Target[] = [
  {
    name: "registry path",
    seeds: [
      "/v2/a/b/manifests/latest",
      `/v2/a/blobs/${digest}`,
      "/v2/a%2fb/tags/list",
      "/v2/a/blobs/uploads/79e6bbc4-cb64-4ee5-b93a-0826cf5ea90d",
      `/v2/a/../x/referrers/${digest}`,
    ],
    run(input) {
      const route = parseRoute(text(input));
      if (route !== undefined && "name" in route) mustStayInside(tagKey(route.name, "t"));
      if (route?.kind === "blob") mustStayInside(blobKey(route.digest));
      if (route?.kind === "manifest" && isTag(route.reference)) mustStayInside(tagKey("a", route.reference));
    },
    answers: isRegistryError,
  },
  {
    name: "registry names, tags, digests",
    seeds: ["a/b-c_d.e__f", "latest", digest, "..", "a/../b"],
    run(input) {
      const name = text(input);
      if (isName(name)) mustStayInside(name);
      if (isTag(name)) mustStayInside(name);
      if (isContentDigest(name)) mustStayInside(blobKey(name));
    },
  },
  {
    name: "registry ranges",
    seeds: ["bytes=0-99", "bytes=-5", "bytes=5-", "0-99", "bytes 0-9/10", 'W/"sha256:abc", *'],
    run(input) {
      const range = parseRange(text(input), 100);
      if (typeof range === "object" && !(range.start >= 0 && range.start < range.end && range.end <= 100))
        throw new Error(`a range outside: ${JSON.stringify(range)}`);
      const chunk = parseChunkRange(text(input));
      if (chunk !== undefined && !(chunk.start >= 0 && chunk.start < chunk.end))
        throw new Error("a bad chunk");
      matchesEtag(text(input), digest);
    },
  },
  {
    name: "registry manifest",
    seeds: [
      JSON.stringify({
        schemaVersion: 2,
        config: { mediaType: "x", digest, size: 2 },
        layers: [],
        subject: null,
      }),
      JSON.stringify({
        schemaVersion: 2,
        manifests: [{ mediaType: "x", digest, size: 2 }],
        annotations: { a: "b" },
      }),
    ],
    run: (input) => void readManifestDocument(input),
    answers: isRegistryError,
  },
  {
    name: "registry rights",
    seeds: ["groups: {a: [b]}\nrules:\n  - {repositories: ['x/**', '*-y'], groups: [a], actions: [pull]}\n"],
    run(input) {
      const rights = parseRights(text(input));
      rights.allows("b", { type: "repository", name: "a-".repeat(127), action: "pull" });
    },
    answers: (error) => error instanceof Error,
  },
  {
    name: "registry users and tokens",
    seeds: [`ann:$2y$05$${"a".repeat(53)}\n# note\n`, "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"],
    run(input) {
      if (verifyToken(text(input), { keys: [], authorities: [] }) !== undefined)
        throw new TypeError("accepted");
      Htpasswd.parse(text(input));
    },
    answers: (error) => error instanceof Error && !(error instanceof TypeError),
  },
];
