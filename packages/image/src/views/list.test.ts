import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Filters } from "@berth/api";
import { dockerArchive, layer } from "../testing/images.test-helper.ts";
import { TestStore } from "../testing/store.test-helper.ts";

setDefaultTimeout(60_000);

let store: TestStore;
const base = layer("base", "12345");
const at = (created: string, labels: Record<string, string> | null) => ({
  config: { created, config: { Labels: labels } },
});
const old = dockerArchive(
  [base],
  ["old:1", "example.com/team/old:1"],
  at("2020-01-01T00:00:00Z", { tier: "a", x: "1" }),
);
const middle = dockerArchive([base, layer("m", "22")], null, at("2021-01-01T00:00:00.5Z", { tier: "b" }));
const young = dockerArchive([layer("y", "7777777")], ["young:latest"], at("2022-01-01T00:00:00Z", null));

beforeAll(async () => {
  store = await TestStore.open();
  for (const image of [middle, young, old]) await store.load(image.tar);
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
});

async function list(filters: Record<string, string[]> = {}, all = false): Promise<string[]> {
  const images = await store.images.list({
    all,
    sharedSize: false,
    filters: new Filters(Object.entries(filters)),
  });
  return images.map((image) => image.RepoTags?.join(" ") ?? "<none>");
}

/** Sorted as Docker sorts: by the full name. */
const OLD = "old:1 example.com/team/old:1";

test("newest first, with all facts", async () => {
  const images = await store.images.list({ all: false, sharedSize: true, filters: new Filters() });
  expect(images.map((image) => image.Id)).toEqual([young.id, middle.id, old.id]);
  expect(images[1]).toEqual({
    Containers: -1,
    Created: 1609459200,
    Id: middle.id,
    Labels: { tier: "b" },
    ParentId: "",
    RepoDigests: null,
    RepoTags: null,
    SharedSize: 5,
    Size: 7,
    VirtualSize: 7,
  });
  expect(images[0]).toMatchObject({ Labels: null, SharedSize: 0, Size: 7 });
  expect(await store.images.diskUsage()).toEqual({ layersSize: 14 });
});

test.each([
  [{ dangling: ["true"] }, ["<none>"]],
  [{ dangling: ["false"] }, ["young:latest", OLD]],
  [{ label: ["tier"] }, ["<none>", OLD]],
  [{ label: ["tier=a"] }, [OLD]],
  [{ label: ["tier=a", "x=1"] }, [OLD]],
  [{ label: ["tier=a", "x=2"] }, []],
  [{ before: ["young"] }, ["<none>", OLD]],
  [{ since: ["old:1"] }, ["young:latest", "<none>"]],
  [{ since: ["old:1"], before: ["young:latest"] }, ["<none>"]],
  [{ until: ["2021-06-01"] }, ["<none>", OLD]],
  [{ until: ["1609459201"] }, ["<none>", OLD]],
  [{ reference: ["old"] }, ["old:1"]],
  [{ reference: ["*/*/old"] }, ["example.com/team/old:1"]],
  [{ reference: ["*:latest"] }, ["young:latest"]],
  [{ reference: ["y*", "old:*"] }, ["young:latest", "old:1"]],
  [{ reference: ["nothing"] }, []],
])("%j", async (filters, expected) => {
  expect(await list(filters as never)).toEqual(expected);
});

test("bad filters", async () => {
  await expect(list({ dangling: ["x"] })).rejects.toThrow("Invalid filter 'dangling=[x]'");
  await expect(list({ before: ["nosuch"] })).rejects.toThrow("No such image: nosuch:latest");
  await expect(list({ reference: ["["] })).rejects.toThrow("syntax error in pattern");
});

test("inspect and history for a platform", async () => {
  expect((await store.images.inspect("young", { platform: "linux/amd64" })).Id).toBe(young.id);
  expect(
    (await store.images.inspect("young", { platform: '{"os":"linux","architecture":"amd64"}' })).Id,
  ).toBe(young.id);
  await expect(store.images.inspect("young", { platform: "linux/arm64" })).rejects.toThrow(
    "does not match the specified platform (linux/arm64)",
  );
  await expect(store.images.history("young", { platform: "nonsense/" })).rejects.toThrow("invalid argument");
});

test("finding by id and by its beginning", async () => {
  expect(store.images.resolve(young.id).id).toBe(young.id as never);
  expect(store.images.resolve(young.id.slice(7)).id).toBe(young.id as never);
  expect(store.images.resolve(young.id.slice(7, 19)).id).toBe(young.id as never);
  expect(store.images.resolve(`sha256:${young.id.slice(7, 19)}`).id).toBe(young.id as never);
  const none = "0".repeat(64);
  expect(() => store.images.resolve(none)).toThrow(`No such image: sha256:${none}`);
  expect(() => store.images.resolve("sha256:0000")).toThrow("No such image");
});

test("tagging", async () => {
  const tag = (repository: string, name = "", image = "young") => store.images.tag(image, repository, name);
  await tag("young", "2");
  await tag("docker.io/library/young:3");
  expect(store.images.names(young.id as never).tags).toEqual(["young:2", "young:3", "young:latest"]);
  const refused: [string, string, string][] = [
    ["Foo", "", "must be lowercase"],
    ["a::b", "", "invalid reference format"],
    ["", "", "invalid reference format"],
    ["x", "a b", "invalid tag format"],
    ["sha256", "x", "refusing to create an ambiguous tag using digest algorithm as name"],
    [`x@sha256:${"0".repeat(64)}`, "", "refusing to create a tag with a digest reference"],
  ];
  for (const [repository, name, message] of refused)
    await expect(tag(repository, name)).rejects.toThrow(message);
  await expect(tag("x", "", "nosuch")).rejects.toThrow("No such image: nosuch:latest");
});
