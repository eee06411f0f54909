import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Filters } from "@berth/api";
import { openState, type State } from "@berth/state";
import { mountOfOptions } from "./options.ts";
import { SqliteVolumeStore } from "./sqlite-store.ts";
import { Volumes } from "./volumes.ts";

let folder: string;
let state: State;
let volumes: Volumes;
let events: string[];
const open = () => {
  state = openState(join(folder, "state.db"));
  volumes = new Volumes({
    directory: join(folder, "volumes"),
    store: new SqliteVolumeStore(state),
    onEvent: (action, name) => events.push(`${action} ${name}`),
  });
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-volume-"));
  events = [];
  open();
});
afterEach(() => {
  state.close();
  rmSync(folder, { recursive: true });
});
const never = new AbortController().signal;
const ask = (
  Name: string,
  DriverOpts: Record<string, string> | null = null,
  Labels: Record<string, string> | null = null,
) => volumes.create({ Name, Driver: "", DriverOpts, Labels });
const names = async (filters: Record<string, string[]> = {}) =>
  (await volumes.list(new Filters(Object.entries(filters)))).Volumes.map((each) => each.Name).sort();

test("create, see, remove", async () => {
  const made = await ask("vol", null, { a: "b" });
  expect(made).toMatchObject({
    Name: "vol",
    Driver: "local",
    Labels: { a: "b" },
    Options: null,
    Scope: "local",
  });
  expect(made.Mountpoint).toBe(join(folder, "volumes/vol/_data"));
  expect(existsSync(made.Mountpoint)).toBe(true);
  expect(await ask("vol", { type: "tmpfs", device: "x" })).toEqual(made);
  state.close();
  open();
  expect(await volumes.inspect("vol")).toEqual(made);
  await volumes.remove("vol", { force: false });
  expect(readdirSync(join(folder, "volumes"))).toEqual([]);
  await expect(volumes.inspect("vol")).rejects.toThrow("get vol: no such volume");
  await expect(volumes.remove("vol", { force: false })).rejects.toThrow("get vol: no such volume");
  await volumes.remove("vol", { force: true });
  expect(events).toEqual(["create vol", "destroy vol"]);
});

describe("refuses, as dockerd 20.10 does", () => {
  test.each([
    ["a", null, "create a: volume name is too short, names should be at least two alphanumeric characters"],
    [
      "a b",
      null,
      'create a b: "a b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    ],
    [
      "..",
      null,
      'create ..: ".." includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    ],
    ["ab", { foo: "x" }, 'create ab: invalid option: "foo"'],
    ["ab", { type: "tmpfs" }, 'create ab: missing required option: "device"'],
    ["ab", { device: "tmpfs" }, 'create ab: missing required option: "type"'],
    ["ab", { o: "x" }, 'create ab: missing required option: "device"'],
    ["ab", { size: "1m" }, "create ab: quota size requested but no quota support"],
  ])("%s %j", async (name, options, sentence) => {
    await expect(ask(name, options as Record<string, string> | null)).rejects.toThrow(sentence);
    expect(await names()).toEqual([]);
  });

  test("another driver", async () => {
    await expect(
      volumes.create({ Name: "ab", Driver: "nope", DriverOpts: null, Labels: null }),
    ).rejects.toThrow('create ab: error looking up volume plugin nope: plugin "nope" not found');
  });

  test("removal while containers use it", async () => {
    await ask("vol");
    volumes.acquire("vol", "c1");
    volumes.acquire("vol", "c2");
    await expect(volumes.remove("vol", { force: true })).rejects.toThrow(
      "remove vol: volume is in use - [c1, c2]",
    );
    volumes.release("vol", "c1");
    volumes.release("vol", "c2");
    await volumes.remove("vol", { force: false });
  });
});

test("filters and prune", async () => {
  await ask("used");
  volumes.acquire("used", "c");
  await ask("named", null, { keep: "1" });
  await ask("nfs", { type: "nfs", device: ":/x", o: "addr=1.2.3.4" });
  const { Name: anonymous } = await ask("");
  writeFileSync(join(volumes.path(anonymous), "file"), "12345");
  expect(await names({ dangling: ["true"] })).toEqual([anonymous, "named", "nfs"].sort());
  expect(await names({ dangling: ["false"] })).toEqual(["used"]);
  expect(await names({ name: ["^n"] })).toEqual(["named", "nfs"]);
  expect(await names({ label: ["keep"] })).toEqual(["named"]);
  expect(await names({ driver: ["other"] })).toEqual([]);
  expect(await volumes.prune(new Filters(), never)).toEqual({
    VolumesDeleted: [anonymous],
    SpaceReclaimed: 5,
  });
  expect(
    await volumes.prune(
      new Filters([
        ["all", ["1"]],
        ["label!", ["keep"]],
      ]),
      never,
    ),
  ).toMatchObject({ VolumesDeleted: [] });
  expect(await volumes.prune(new Filters([["all", ["1"]]]), never)).toMatchObject({
    VolumesDeleted: ["named"],
  });
  expect(await names()).toEqual(["nfs", "used"]);
});

test("a removal that was cut off is finished, a missing folder is made again", async () => {
  await ask("gone");
  await ask("kept");
  state.run("UPDATE volumes SET record = json_set(record, '$.removing', json('true')) WHERE name = 'gone'");
  state.close();
  open();
  await volumes.restore();
  expect(await names()).toEqual(["kept"]);
  rmSync(join(folder, "volumes/kept"), { recursive: true });
  expect(existsSync(volumes.use("kept").path)).toBe(true);
});

test("sizes count a file with two names once, and no foreign volume", async () => {
  await ask("vol");
  writeFileSync(join(volumes.path("vol"), "a"), "1234");
  const { linkSync, symlinkSync } = await import("node:fs");
  linkSync(join(volumes.path("vol"), "a"), join(volumes.path("vol"), "b"));
  symlinkSync("/", join(volumes.path("vol"), "root"));
  await ask("nfs", { type: "nfs", device: ":/x", o: "addr=1.2.3.4" });
  expect((await volumes.usage(never)).map((each) => [each.Name, each.UsageData?.Size])).toEqual([
    ["vol", 4],
    ["nfs", -1],
  ]);
});

test("options become a mount", () => {
  expect(mountOfOptions(null)).toBeUndefined();
  expect(mountOfOptions({ type: "tmpfs", device: "tmpfs", o: "size=1m,uid=5" })).toEqual({
    type: "tmpfs",
    source: "tmpfs",
    options: ["size=1m", "uid=5"],
  });
  expect(mountOfOptions({ type: "none", device: "/x", o: "bind" })).toMatchObject({
    type: "bind",
    source: "/x",
  });
});
