import { expect, test } from "bun:test";
import type { ImageSummary } from "@berth/api";
import { imageNames } from "./row.ts";

const image = (RepoTags: string[] | null, RepoDigests: string[] | null): ImageSummary => ({
  Containers: -1,
  Created: 1,
  Id: `sha256:${"a".repeat(64)}`,
  Labels: null,
  ParentId: "",
  RepoDigests,
  RepoTags,
  SharedSize: -1,
  Size: 1,
  VirtualSize: 1,
});

const D1 = `sha256:${"1".repeat(64)}`;

test.each([
  ["tags", ["a:1", "a:2"], [`a@${D1}`], false, ["a:1@", "a:2@"]],
  ["tags with digests", ["a:1", "a:2"], [`a@${D1}`], true, [`a:1@${D1}`, `a:2@${D1}`]],
  ["only a digest", [], [`a@${D1}`], false, ["a:@"]],
  ["only a digest, shown", [], [`a@${D1}`], true, [`a:@${D1}`]],
  ["another repository's digest", ["b:1"], [`a@${D1}`], true, ["b:1@", `a:@${D1}`]],
  ["a registry with a port", ["localhost:5000/a:1"], null, false, ["localhost:5000/a:1@"]],
  ["no name", [], [], false, [":@"]],
  ["no name, as older daemons tell it", ["<none>:<none>"], ["<none>@<none>"], true, [":@"]],
] as const)("names of an image: %s", (_what, tags, digests, withDigests, expected) => {
  const names = imageNames(image([...tags], digests && [...digests]), withDigests);
  expect(names.map(({ repository, tag, digest }) => `${repository}:${tag}@${digest}`)).toEqual([...expected]);
});
