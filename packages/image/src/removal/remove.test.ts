import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Filters } from "@berth/api";
import { type Digest, sha256, shortId } from "@berth/base";
import { chainIds } from "@berth/spec";
import type { ImageUser } from "../store.ts";
import { dockerArchive, layer } from "../testing/images.test-helper.ts";
import { never, TestStore } from "../testing/store.test-helper.ts";

setDefaultTimeout(60_000);

const base = layer("base", "12345");
const app = dockerArchive([base, layer("app", "1")], ["app:1", "app:2", "other:1"]);
const second = dockerArchive([base, layer("second", "22")], ["second:1"]);
const chainOf = (made: typeof app) => chainIds(made.layers.map((each) => sha256(each)));

let store: TestStore;
let users: ImageUser[];
beforeEach(async () => {
  store = await TestStore.open();
  users = [];
  store.images.setUsers(() => users);
  await store.load(app.tar);
  await store.load(second.tar);
  store.events.length = 0;
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

const use = (made: typeof app, running: boolean, containerId = "c".repeat(64)) =>
  users.push({ containerId, imageId: made.id as Digest, running });
const remove = (name: string, force = false, prune = true) => store.images.remove(name, { force, prune });
const conflict = (message: string) => expect.objectContaining({ kind: "conflict", message });
const short = (made: typeof app) => shortId(made.id);

describe("removing", () => {
  test("a name of several takes only the name", async () => {
    expect(await remove("app:1")).toEqual([{ Untagged: "app:1" }]);
    expect(await remove("docker.io/library/app:2")).toEqual([{ Untagged: "app:2" }]);
    expect(store.events.map((event) => [event.action, event.name])).toEqual([
      ["untag", app.id],
      ["untag", app.id],
    ]);
    expect(store.images.names(app.id as Digest).tags).toEqual(["other:1"]);
  });

  test("the last name takes the image and the layers that only it has, top first", async () => {
    expect(await remove("second:1")).toEqual([
      { Untagged: "second:1" },
      { Deleted: second.id },
      { Deleted: chainOf(second)[1]! },
    ]);
    expect(store.events.map((event) => event.action)).toEqual(["untag", "delete"]);
    for (const name of ["app:1", "app:2"]) await remove(name);
    expect(await remove("other:1")).toEqual([
      { Untagged: "other:1" },
      { Deleted: app.id },
      { Deleted: chainOf(app)[1]! },
      { Deleted: chainOf(app)[0]! },
    ]);
    expect(store.snapshots.list()).toEqual([]);
    expect(store.content.list()).toEqual([]);
    store = await store.reopen();
    expect(await store.images.list({ all: true, sharedSize: false, filters: new Filters() })).toEqual([]);
  });

  test("an id with one name takes both, with several it must be forced", async () => {
    expect(await remove(short(second))).toHaveLength(3);
    await expect(remove(app.id)).rejects.toThrow(
      conflict(
        `conflict: unable to delete ${short(app)} (must be forced) - image is referenced in multiple repositories`,
      ),
    );
    expect(await remove(app.id, true)).toEqual([
      { Untagged: "app:1" },
      { Untagged: "app:2" },
      { Untagged: "other:1" },
      { Deleted: app.id },
      { Deleted: chainOf(app)[1]! },
      { Deleted: chainOf(app)[0]! },
    ]);
  });

  test("what does not exist", async () => {
    await expect(remove("nosuch")).rejects.toThrow(
      expect.objectContaining({ kind: "not-found", message: "No such image: nosuch:latest" }),
    );
    await expect(remove("A")).rejects.toThrow("must be lowercase");
  });
});

describe("with containers", () => {
  test("the last name must be forced, and stays removable when there are others", async () => {
    use(second, false);
    await expect(remove("second:1")).rejects.toThrow(
      conflict(
        `conflict: unable to remove repository reference "second:1" (must force) - container cccccccccccc is using its referenced image ${short(second)}`,
      ),
    );
    await store.images.tag("second:1", "second", "2");
    expect(await remove("second:1")).toEqual([{ Untagged: "second:1" }]);
  });

  test("by id: running cannot be forced, stopped can", async () => {
    use(second, true);
    for (const force of [false, true]) {
      await expect(remove(second.id, force)).rejects.toThrow(
        conflict(
          `conflict: unable to delete ${short(second)} (cannot be forced) - image is being used by running container cccccccccccc`,
        ),
      );
    }
    users[0]!.running = false;
    await expect(remove(second.id)).rejects.toThrow(
      conflict(
        `conflict: unable to delete ${short(second)} (must be forced) - image is being used by stopped container cccccccccccc`,
      ),
    );
    expect(store.images.names(second.id as Digest).tags).toEqual(["second:1"]);
  });

  test("a forced name of a running container's image goes, the image stays", async () => {
    use(second, true);
    expect(await remove("second:1", true)).toEqual([{ Untagged: "second:1" }]);
    expect(store.images.resolve(second.id).id).toBe(second.id as Digest);
  });

  test("removed by force it is kept, unseen, for its containers", async () => {
    use(second, false);
    expect(await remove("second:1", true)).toEqual([{ Untagged: "second:1" }, { Deleted: second.id }]);
    expect(() => store.images.resolve(second.id)).toThrow("No such image");
    expect(store.images.get(second.id as Digest)!.chain).toEqual(chainOf(second));
    await store.images.collect();
    for (const layerId of chainOf(second)) expect(store.snapshots.has(layerId)).toBe(true);
    store = await store.reopen();
    store.images.setUsers(() => users);
    await store.images.collect();
    expect(store.images.get(second.id as Digest)).toBeDefined();
    users = [];
    await store.images.collect();
    expect(store.images.get(second.id as Digest)).toBeUndefined();
    expect(store.snapshots.list()).toHaveLength(2);
    expect(store.content.list()).toHaveLength(2);
  });

  test("what is kept is visible again when it is loaded again", async () => {
    use(second, false);
    await remove("second:1", true);
    await store.load(second.tar);
    expect(store.images.resolve("second:1").id).toBe(second.id as Digest);
    users = [];
    await store.images.collect();
    expect(store.images.resolve("second:1").id).toBe(second.id as Digest);
  });
});

test("prune takes what has no name, and with dangling=false all that no container uses", async () => {
  await store.load(dockerArchive([base, layer("third", "333")], ["second:1"]).tar);
  const prune = (filters: Record<string, string[]> = {}) =>
    store.images.prune(new Filters(Object.entries(filters)), never());
  expect(await prune({ label: ["none"] })).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
  expect(await prune({ "label!": ["made"] })).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
  expect(await prune({ until: ["2020-01-01"] })).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
  expect(await prune({ until: ["10m"] })).toEqual({
    ImagesDeleted: [{ Deleted: second.id }, { Deleted: chainOf(second)[1]! }],
    SpaceReclaimed: 2,
  });
  expect(store.events.at(-1)).toEqual({ action: "prune", id: "", name: "", attributes: { reclaimed: "2" } });
  use(app, false);
  const report = await prune({ dangling: ["false"] });
  expect(report.ImagesDeleted!.map((each) => each.Untagged).filter((each) => each)).toEqual([
    "app:1",
    "app:2",
    "second:1",
  ]);
  expect(report.SpaceReclaimed).toBe(3);
  expect(store.images.names(app.id as Digest).tags).toEqual(["other:1"]);
  await expect(prune({ dangling: ["x"] })).rejects.toThrow("Invalid filter 'dangling=[x]'");
  await expect(prune({ until: ["zz"] })).rejects.toThrow('failed to parse value as time or duration: "zz"');
  const [first, other] = await Promise.allSettled([prune(), prune()]);
  expect(first.status).toBe("fulfilled");
  expect(other).toMatchObject({
    reason: { message: "a prune operation is already running", kind: "conflict" },
  });
});
