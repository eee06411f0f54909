import { describe, expect, test } from "bun:test";
import type { TreeEntry } from "@berth/archive";
import { S } from "@berth/linux";
import type { CopyNode } from "../graph/operation.ts";
import type { SelectedSource } from "./copy.ts";
import { entriesToPatch, listingOf } from "./copy-patch.ts";

const node = { inline: [], destination: "/to" } as unknown as CopyNode;

type Facts = Partial<TreeEntry> & { time?: string; inode?: string };

/** A folder `src` with 30 folders of 20 files each; `changes`: by path, `null` is gone. */
function selected(changes: Record<string, Facts | null> = {}, path = "src"): SelectedSource[] {
  const entries: TreeEntry[] = [];
  const add = (name: string, facts: Facts) => {
    const change = changes[name];
    if (change === null) return;
    const { time = "5.0", inode = name, ...rest } = { ...facts, ...change };
    entries.push({
      path: name,
      mode: 0,
      uid: 0,
      gid: 0,
      size: 1,
      stamp: `${inode}-1-${time}-9.9`,
      digest: "d",
      ...rest,
    });
  };
  add(path, { mode: S.IFDIR | 0o755 });
  for (let folder = 0; folder < 30; folder++) {
    add(`${path}/${folder}`, { mode: S.IFDIR | 0o755 });
    for (let file = 0; file < 20; file++) add(`${path}/${folder}/${file}`, { mode: S.IFREG | 0o644 });
  }
  for (const [name, facts] of Object.entries(changes)) {
    if (facts !== null && !entries.some((entry) => entry.path === name)) add(name, { mode: S.IFREG | 0o644 });
  }
  const source = { from: 0, path, unpack: false };
  const origin = { kind: "layers", chain: [] } as const;
  return [{ source, origin, matches: [{ match: { path, real: path, mode: S.IFDIR }, entries, digest: "" }] }];
}

const listing = listingOf(node, selected()) as string;

function patch(changes: Record<string, Facts | null>): string[] | undefined {
  return entriesToPatch(node, selected(changes), listing)?.[0]?.matches[0]?.entries.map(({ path }) => path);
}

describe("a patch has", () => {
  test.each([
    ["nothing but the folder itself when nothing differs", {}, ["src"]],
    ["content that changed, with its folders", { "src/3/4": { digest: "e" } }, ["src", "src/3", "src/3/4"]],
    ["a time that changed, with its folders", { "src/3/4": { time: "6.0" } }, ["src", "src/3", "src/3/4"]],
    ["an owner that changed", { "src/3/4": { uid: 7 } }, ["src", "src/3", "src/3/4"]],
    ["what is new", { "src/3/x": {} }, ["src", "src/3", "src/3/x"]],
    [
      "a file that is another kind now",
      { "src/3/4": { mode: S.IFLNK | 0o777 } },
      ["src", "src/3", "src/3/4"],
    ],
    [
      "all names of a file that has another one now",
      { "src/3/4": { inode: "9" }, "src/3/5": { inode: "9" } },
      ["src", "src/3", "src/3/4", "src/3/5"],
    ],
    ["a folder whose time changed", { "src/3": { time: "6.0" } }, ["src", "src/3"]],
  ] as const)("%s", (_what, changes, paths) => expect(patch(changes)).toEqual([...paths]));
});

test("files whose names are the same are left alone, and copied together when they are others", () => {
  const pair = { "src/3/4": { inode: "9" }, "src/3/5": { inode: "9" } };
  const before = listingOf(node, selected(pair)) as string;
  const paths = (changes: Record<string, Facts>) =>
    entriesToPatch(node, selected(changes), before)?.[0]?.matches[0]?.entries.map(({ path }) => path);
  expect(paths(pair)).toEqual(["src"]);
  expect(paths({ "src/3/4": {}, "src/3/5": {} })).toEqual(["src", "src/3", "src/3/4", "src/3/5"]);
  const three = { ...pair, "src/3/6": { inode: "9" } };
  expect(paths(three)).toEqual(["src", "src/3", "src/3/4", "src/3/5", "src/3/6"]);
});

test("names that are not UTF-8 are listed too", () => {
  // As the disk gives it back: the bytes 0xff and 0xfe.
  const stray = { "src/3/\udcff": { inode: "1" }, "src/3/\udcfe": { inode: "2", digest: "e" } };
  const kept = Buffer.from(listingOf(node, selected(stray)) as string).toString();
  const paths = (changes: Record<string, Facts | null>) =>
    entriesToPatch(node, selected(changes), kept)?.[0]?.matches[0]?.entries.map(({ path }) => path);
  expect(paths(stray)).toEqual(["src"]);
  expect(paths({ ...stray, "src/3/\udcff": { inode: "1", digest: "e" } })).toEqual([
    "src",
    "src/3",
    "src/3/\udcff",
  ]);
  expect(paths({ ...stray, "src/3/\udcff": null })).toBeUndefined();
});

describe("the whole is copied when", () => {
  const all = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`src/${n}`, { time: "6.0" }]));
  for (let n = 0; n < 300; n++) all[`src/${n % 30}/${Math.floor(n / 30)}`] = { time: "6.0" };
  test.each([
    ["something is gone", { "src/3/4": null }],
    ["a folder's permissions or attributes changed", { "src/3": { digest: "e" } }],
    ["a file is a folder now", { "src/3/4": { mode: S.IFDIR | 0o755 } }],
    ["most of it differs", all],
  ] as const)("%s", (_what, changes) => expect(patch(changes)).toBeUndefined());

  test("the listing is of another path, or damaged", () => {
    expect(entriesToPatch(node, selected({}, "other"), listing)).toBeUndefined();
    expect(entriesToPatch(node, selected(), `${listing}\0more`)).toBeUndefined();
    expect(entriesToPatch(node, selected(), "")).toBeUndefined();
  });
});

test("nothing is noted of several sources, or of few files", () => {
  const [one] = selected() as [SelectedSource];
  expect(listingOf(node, [one, one])).toBeUndefined();
  expect(listingOf({ ...node, inline: [{}] } as unknown as CopyNode, [one])).toBeUndefined();
  const [match] = one.matches;
  expect(
    listingOf(node, [{ ...one, matches: [{ ...match!, entries: match!.entries.slice(0, 400) }] }]),
  ).toBeUndefined();
});
