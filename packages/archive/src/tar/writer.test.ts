import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collect, random } from "../testing/collect.ts";
import type { TarEntry } from "./entry.ts";
import { contentSize, END_OF_ARCHIVE, encodeHeader, padding, type WritableEntry } from "./writer.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-tar-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function archiveOf(entries: readonly WritableEntry[], options = {}): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const size = contentSize(entry);
    parts.push(encodeHeader(entry, options), new Uint8Array(size).fill(0x61), new Uint8Array(padding(size)));
  }
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

const base = { mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 1_600_000_000, nanoseconds: 0 } } as const;

const WORDS = [
  "a",
  "b".repeat(60),
  "ü",
  "\udcff",
  "c".repeat(154),
  "with space",
  "d".repeat(101),
  "e\nf",
  "-",
  "日本",
];

function randomEntry(next: (below: number) => number): WritableEntry {
  const path = () => Array.from({ length: 1 + next(6) }, () => WORDS[next(WORDS.length)]!).join("/");
  const types: TarEntry["type"][] = ["file", "link", "symlink", "char", "block", "directory", "fifo"];
  const type = types[next(types.length)]!;
  const entry: WritableEntry = {
    type,
    name: path(),
    mode: next(0o10000),
    uid: next(3) === 0 ? 4_000_000_000 + next(1000) : next(3_000_000),
    gid: next(70_000),
    mtime: {
      seconds: next(2) === 0 ? next(4_000_000_000) : -next(2_000_000_000),
      nanoseconds: next(3) === 0 ? 0 : next(1_000_000_000),
    },
  };
  if (type === "link" || type === "symlink") entry.linkName = path();
  if (type === "char" || type === "block")
    Object.assign(entry, { deviceMajor: next(4096), deviceMinor: next(1 << 20) });
  if (type === "file") {
    entry.size = next(3000);
    if (next(3) === 0)
      entry.sparse = [
        { offset: 3, length: 700 },
        { offset: 5000, length: 1 },
      ].slice(0, next(3));
    if (entry.sparse !== undefined) entry.size = 9000;
  }
  if (next(3) === 0) {
    entry.xattrs = new Map([
      ["user.n", new Uint8Array([0, 1, 255, 10])],
      ["security.capability", new Uint8Array(20).fill(next(256))],
    ]);
  }
  if (next(4) === 0) entry.uname = WORDS[next(WORDS.length)]!;
  return entry;
}

test("what is written is what is read, for any member and any pieces", () => {
  const seed = Number(process.env.BERTH_FUZZ_SEED ?? Date.now() % 1_000_000);
  const next = random(seed);
  for (let round = 0; round < 300; round++) {
    const entries = Array.from({ length: 1 + next(5) }, () => randomEntry(next));
    const archive = archiveOf(entries, { subSecondTimes: true });
    const members = collect(archive, [1 + next(600), 1 + next(5000)]);
    const facts = (entry: WritableEntry) => ({
      type: entry.type,
      name: entry.type === "directory" ? `${entry.name.replace(/\/$/, "")}/` : entry.name,
      linkName: entry.linkName ?? "",
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      mtime: entry.mtime,
      size: entry.size ?? 0,
      sparse: entry.sparse,
      uname: entry.uname ?? "",
      device: [entry.deviceMajor ?? 0, entry.deviceMinor ?? 0],
      xattrs: [...(entry.xattrs ?? [])].map(([key, value]) => [key, Buffer.from(value).toString("hex")]),
    });
    expect(members.map(facts), `seed ${seed}, round ${round}`).toEqual(entries.map(facts));
  }
});

describe("other readers", () => {
  const long = `${"d".repeat(120)}/${"e".repeat(120)}/ü`;
  const entries: WritableEntry[] = [
    { ...base, type: "directory", name: "dir", mode: 0o1777 },
    { ...base, type: "file", name: "dir/file", size: 700, uid: 3_000_000_000 },
    { ...base, type: "file", name: `dir/${"x".repeat(120)}`, size: 5 },
    { ...base, type: "file", name: `${"p".repeat(90)}/${"q".repeat(60)}`, size: 5 },
    { ...base, type: "file", name: long, size: 1, mtime: { seconds: -5, nanoseconds: 250_000_000 } },
    { ...base, type: "link", name: "hard", linkName: "dir/file" },
    { ...base, type: "symlink", name: "soft", linkName: long },
    { ...base, type: "char", name: "null", deviceMajor: 1, deviceMinor: 3 },
    { ...base, type: "file", name: "holes", size: 100_000, sparse: [{ offset: 50_000, length: 10 }] },
  ];

  test("python's tarfile sees the same", () => {
    writeFileSync(join(folder, "p.tar"), archiveOf(entries, { subSecondTimes: true }));
    const run = Bun.spawnSync(
      [
        "/usr/bin/env",
        "python3",
        "-c",
        "import tarfile,json;print(json.dumps([[m.name,m.type.decode(),m.size,m.uid,m.mode,m.linkname,m.devminor,m.mtime] for m in tarfile.open('p.tar')]))",
      ],
      { cwd: folder },
    );
    const seen = JSON.parse(run.stdout.toString());
    expect(seen.map((row: unknown[]) => row[0])).toEqual(entries.map((entry) => entry.name));
    expect(seen[1].slice(1, 5)).toEqual(["0", 700, 3_000_000_000, 0o644]);
    expect(seen[4][7]).toBe(-4.75);
    expect(seen[6][5]).toBe(long);
    expect(seen[7].slice(1, 7)).toEqual(["3", 0, 0, 0o644, "", 3]);
    expect(seen[8][2]).toBe(100_000);
  });

  test("GNU tar sees the same, without a word of complaint", () => {
    writeFileSync(join(folder, "g.tar"), archiveOf(entries));
    const run = Bun.spawnSync(["tar", "--quoting-style=literal", "-tf", "g.tar"], {
      cwd: folder,
      stderr: "pipe",
    });
    expect(run.stderr.toString()).toBe("");
    expect(
      run.stdout
        .toString()
        .trim()
        .split("\n")
        .map((name) => name.replace(/\/$/, "")),
    ).toEqual(entries.map((entry) => entry.name));
    Bun.spawnSync(["tar", "-xf", "g.tar", "holes"], { cwd: folder });
    const holes = Bun.file(join(folder, "holes"));
    expect(holes.size).toBe(100_000);
  });
});

test("a member that ustar can hold has one block, and the archive ends with two", () => {
  const entry: WritableEntry = {
    ...base,
    type: "file",
    name: "f",
    size: 3,
    mtime: { seconds: 5, nanoseconds: 7 },
  };
  expect(encodeHeader(entry).length).toBe(512);
  expect(archiveOf([entry]).length).toBe(512 * 4);
  expect(collect(archiveOf([entry]))[0]?.mtime).toEqual({ seconds: 5, nanoseconds: 0 });
});

test("attributes larger than readers take are refused", () => {
  const xattrs = new Map(
    Array.from({ length: 40 }, (_, i) => [`user.${i}`, new Uint8Array(60_000)] as const),
  );
  expect(() => encodeHeader({ ...base, type: "file", name: "f", xattrs })).toThrow(
    "too large for a tar archive",
  );
});
