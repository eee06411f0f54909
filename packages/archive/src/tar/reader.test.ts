import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BerthError } from "@berth/base";
import { collect, random } from "../testing/collect.ts";
import { TarReader } from "./reader.ts";
import { END_OF_ARCHIVE, encodeHeader, padding, type WritableEntry } from "./writer.ts";

// The machine may be busy.
setDefaultTimeout(60_000);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-tar-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a shell script in an empty folder and returns what it wrote to `a.tar`. */
function made(script: string): Uint8Array {
  const place = mkdtempSync(join(folder, "m-"));
  const run = Bun.spawnSync(["bash", "-euc", script], { cwd: place, stderr: "pipe" });
  if (run.exitCode !== 0) throw new Error(run.stderr.toString());
  return readFileSync(join(place, "a.tar"));
}

function python(script: string): Uint8Array {
  const place = mkdtempSync(join(folder, "p-"));
  writeFileSync(join(place, "make.py"), script);
  const run = Bun.spawnSync(["/usr/bin/env", "python3", "make.py"], { cwd: place, stderr: "pipe" });
  if (run.exitCode !== 0) throw new Error(run.stderr.toString());
  return readFileSync(join(place, "a.tar"));
}

function archiveOf(...members: [WritableEntry, string?][]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [entry, content = ""] of members) {
    const data = new TextEncoder().encode(content);
    parts.push(encodeHeader({ size: data.length, ...entry }), data, new Uint8Array(padding(data.length)));
  }
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

const plain = { mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 1, nanoseconds: 0 } } as const;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("archives of GNU tar", () => {
  for (const format of ["v7", "oldgnu", "gnu", "ustar", "posix"]) {
    test(`format ${format}: all types of members`, () => {
      const device = format === "v7" ? "" : "mknod c c 4 5; mknod b b 7 9; mkfifo p;";
      const archive = made(`
        mkdir t; cd t; echo hello > f; ln f hard; ln -s 'f' soft; mkdir -m 1777 d; ${device}
        chown 1234:4321 f; chmod 4755 f; touch -d @1600000000 f; cd ..; tar --format=${format} --sort=name -cf a.tar t`);
      const members = collect(archive);
      const byName = new Map(members.map((member) => [member.name, member]));
      const first = byName.get("t/f")!;
      expect(first).toMatchObject({ type: "file", mode: 0o4755, uid: 1234, gid: 4321, size: 6 });
      expect(first.mtime.seconds).toBe(1600000000);
      expect(text(first.content)).toBe("hello\n");
      expect(byName.get("t/hard")).toMatchObject({ type: "link", linkName: "t/f", size: 0 });
      expect(byName.get("t/soft")).toMatchObject({ type: "symlink", linkName: "f" });
      expect(byName.get("t/d/")).toMatchObject({ type: "directory", mode: 0o1777 });
      if (device === "") return;
      expect(byName.get("t/c")).toMatchObject({ type: "char", deviceMajor: 4, deviceMinor: 5 });
      expect(byName.get("t/b")).toMatchObject({ type: "block", deviceMajor: 7, deviceMinor: 9 });
      expect(byName.get("t/p")).toMatchObject({ type: "fifo" });
    });
  }

  for (const format of ["gnu", "posix"]) {
    test(`format ${format}: names and targets longer than PATH_MAX's parts`, () => {
      const part = "n".repeat(200);
      const archive = made(`
        mkdir -p t/${part}/${part}; touch t/${part}/${part}/f; ln -s ${part}/${part}/${part} t/l
        tar --format=${format} -cf a.tar t`);
      const names = collect(archive, [700]).map((member) => member.name);
      expect(names).toContain(`t/${part}/${part}/f`);
      expect(collect(archive).find((member) => member.name === "t/l")?.linkName).toBe(
        `${part}/${part}/${part}`,
      );
    });
  }

  test("bytes that are not UTF-8 survive", () => {
    const archive = made(`touch $'a\\xffb\\xc3\\xa9'; tar --format=gnu -cf a.tar a*`);
    expect(collect(archive)[0]?.name).toBe("a\udcffbé");
  });

  for (const [title, options] of [
    ["old GNU", "--format=gnu"],
    ["PAX 0.0", "--format=posix --sparse-version=0.0"],
    ["PAX 0.1", "--format=posix --sparse-version=0.1"],
    ["PAX 1.0", "--format=posix --sparse-version=1.0"],
  ]) {
    test(`sparse file: ${title}`, () => {
      // 40 runs: more than the four of the header and the 21 of an extension block.
      const archive = made(`
        truncate -s 3M f; for i in $(seq 0 39); do printf 'data%02d' $i | dd of=f bs=4096 seek=$((i*17)) conv=notrunc status=none; done
        tar -S ${options} -cf a.tar f; cp f want`);
      expect(archive.length).toBeLessThan(400_000);
      for (const pieces of [[1 << 20], [512], [313], [1, 4095]]) {
        const [member] = collect(archive, pieces);
        expect(member?.name).toBe("f");
        expect(member?.size).toBe(3 << 20);
        expect(member?.sparse?.length).toBe(40);
        for (let i = 0; i < 40; i++) {
          expect(text(member!.content.subarray(i * 17 * 4096, i * 17 * 4096 + 6))).toBe(
            `data${String(i).padStart(2, "0")}`,
          );
        }
      }
    });
  }

  test("a sparse file without any data", () => {
    const archive = made("truncate -s 1M f; tar -S --format=posix -cf a.tar f");
    expect(collect(archive)[0]).toMatchObject({ name: "f", size: 1 << 20, sparse: [] });
  });

  test("extended attributes, nanoseconds and a label", () => {
    const archive = made(`
      echo x > f; setfattr -n user.note -v 'a=b
c' f 2>/dev/null || python3 -c 'import os; os.setxattr("f","user.note",b"a=b\\nc")'
      touch -d '2020-01-02 03:04:05.123456789Z' f; tar --format=posix --xattrs -V label -cf a.tar f`);
    const [member, ...rest] = collect(archive);
    expect(rest).toEqual([]);
    expect(text(member!.xattrs!.get("user.note")!)).toBe("a=b\nc");
    expect(member!.mtime).toEqual({ seconds: 1577934245, nanoseconds: 123456789 });
  });

  test("numbers in base 256", () => {
    const archive = made(
      `touch -d '1950-01-01Z' f; chown 3000000000:2500000 f; tar --format=gnu -cf a.tar f`,
    );
    expect(collect(archive)[0]).toMatchObject({
      uid: 3000000000,
      gid: 2500000,
      mtime: { seconds: -631152000, nanoseconds: 0 },
    });
  });
});

describe("archives of python's tarfile", () => {
  test("global PAX records hold until taken back", () => {
    const archive = python(`
import tarfile, io

t = tarfile.open("a.tar", "w", format=tarfile.PAX_FORMAT, pax_headers={"uname": "everyone", "comment": "x"})
for n in ("a", "ü" * 80):
  i = tarfile.TarInfo(n); i.size = 3; i.mtime = 1.5
  t.addfile(i, io.BytesIO(b"abc"))
t.close()`);
    const members = collect(archive);
    expect(members.map((member) => [member.name, member.uname, text(member.content)])).toEqual([
      ["a", "everyone", "abc"],
      ["ü".repeat(80), "everyone", "abc"],
    ]);
    expect(members[0]!.mtime).toEqual({ seconds: 1, nanoseconds: 500_000_000 });
  });
});

describe("the end of an archive", () => {
  const whole = archiveOf([{ ...plain, type: "file", name: "f" }, "content"]);

  test("no members", () => {
    expect(collect(END_OF_ARCHIVE)).toEqual([]);
    expect(collect(new Uint8Array())).toEqual([]);
  });

  test("without the two blocks of zeros, and with filling behind them", () => {
    expect(collect(whole.subarray(0, 1024))).toHaveLength(1);
    expect(collect(whole.subarray(0, 519))).toHaveLength(1);
    expect(collect(whole.subarray(0, 1536))).toHaveLength(1);
    expect(collect(Buffer.concat([whole, Buffer.alloc(10_240, 7)]))).toHaveLength(1);
  });

  test("cut off anywhere else: unexpected EOF", () => {
    const long = archiveOf([{ ...plain, type: "file", name: "long".repeat(60) }, "content"]);
    for (let length = 1; length < long.length - 1024 - 505; length += 7) {
      expect(() => collect(long.subarray(0, length)), `after ${length} bytes`).toThrow("unexpected EOF");
    }
  });

  test("one block of zeros within", () => {
    expect(() => collect(Buffer.concat([new Uint8Array(512), whole]))).toThrow(
      "archive/tar: invalid tar header",
    );
  });
});

describe("hostile input", () => {
  const damage = (archive: Uint8Array, change: (block: Uint8Array) => void) => {
    const copy = Uint8Array.from(archive);
    change(copy);
    copy.fill(0x20, 148, 156);
    const sum = copy.subarray(0, 512).reduce((a, b) => a + b, 0);
    copy.set(new TextEncoder().encode(sum.toString(8).padStart(6, "0") + "\0 "), 148);
    return copy;
  };
  const put = (block: Uint8Array, at: number, value: string) =>
    block.set(new TextEncoder().encode(value), at);
  const whole = archiveOf([{ ...plain, type: "file", name: "f" }, "content"]);
  const withPax = (records: string, flag = "x") => {
    const data = new TextEncoder().encode(records);
    const header = damage(encodeHeader({ ...plain, type: "file", name: "x", size: data.length }), (b) =>
      put(b, 156, flag),
    );
    return Buffer.concat([header, data, new Uint8Array(padding(data.length)), whole]);
  };

  const cases: [string, Uint8Array, string][] = [
    ["a wrong checksum", Uint8Array.from(whole).fill(0x41, 0, 1), "archive/tar: invalid tar header"],
    ["rubbish", Buffer.alloc(4096, "rubbish "), "archive/tar: invalid tar header"],
    ["a negative size", damage(whole, (b) => b.fill(0xff, 124, 136)), "archive/tar: invalid tar header"],
    [
      "an absurd size",
      damage(whole, (b) => {
        b.fill(0xff, 125, 136);
        b[124] = 0xbf;
      }),
      "archive/tar: invalid tar header",
    ],
    ["letters in a number", damage(whole, (b) => put(b, 108, "12ab\0")), "archive/tar: invalid tar header"],
    ["an unknown type", damage(whole, (b) => put(b, 156, "Z")), "unhandled tar header type 90"],
    ["PAX size of 10^18", withPax("28 size=1000000000000000000\n"), "archive/tar: invalid tar header"],
    ["PAX negative size", withPax("11 size=-1\n"), "archive/tar: invalid tar header"],
    ["PAX record longer than its header", withPax("99 path=x\n"), "archive/tar: invalid tar header"],
    ["PAX record of length 0", withPax("0 path=x\n"), "archive/tar: invalid tar header"],
    ["PAX record without a newline", withPax("10 path=x\r"), "archive/tar: invalid tar header"],
    ["PAX record without a key", withPax("5 =x\n"), "archive/tar: invalid tar header"],
    ["PAX name with a NUL", withPax("12 path=a\0b\n"), "archive/tar: invalid tar header"],
    ["PAX uid of -1", withPax("10 uid=-1\n"), "archive/tar: invalid tar header"],
    ["a million PAX records", withPax("6 a=b\n".repeat(170_000)), "archive/tar: invalid tar header"],
    [
      "a thousand global records",
      withPax(Array.from({ length: 1000 }, (_, i) => `9 k${String(i).padStart(3, "0")}=\n`).join(""), "g"),
      "archive/tar: invalid tar header",
    ],
    ["a PAX header too large", withPax("x".repeat((1 << 20) + 1)), "archive/tar: invalid tar header"],
    [
      "a name too long",
      withPax(`70009 path=${"a".repeat(70_009 - 12)}\n`),
      "archive/tar: invalid tar header",
    ],
    [
      "sparse map beyond the file",
      withPax("21 GNU.sparse.size=5\n22 GNU.sparse.map=0,7\n"),
      "archive/tar: invalid tar header",
    ],
  ];
  for (const [title, archive, message] of cases) {
    test(title, () => {
      expect(() => collect(archive)).toThrow(message);
      expect(() => collect(archive, [100])).toThrow(message);
    });
  }

  test("8 GB that do not come", () => {
    const sizes: number[] = [];
    const reader = new TarReader({ entry: (entry) => void sizes.push(entry.size), data() {}, end() {} });
    reader.push(damage(whole, (b) => put(b, 124, "77777777777\0")));
    expect(() => reader.finish()).toThrow("unexpected EOF");
    expect(sizes).toEqual([8 ** 11 - 1]);
  });

  test("an error is final", () => {
    const reader = new TarReader({ entry() {}, data() {}, end() {} });
    for (let i = 0; i < 3; i++) expect(() => reader.push(Buffer.alloc(512, "x"))).toThrow(BerthError);
    expect(() => reader.finish()).toThrow("archive/tar: invalid tar header");
  });
});

test("any mutation of a valid archive gives members or a BerthError", () => {
  const base = [
    made(`echo hello > f; ln f g; mkdir d; touch d/${"n".repeat(150)}; truncate -s 100k s; echo x >> s; python3 -c 'import os; os.setxattr("f","user.a",b"b")'
      tar -S --format=posix --xattrs -cf a.tar f g d s`),
    made(`echo hello > f; touch ${"n".repeat(150)}; truncate -s 100k s; for i in 1 3 5 7 9 11; do printf x | dd of=s bs=4k seek=$i conv=notrunc status=none; done
      tar -S --format=gnu -cf a.tar f n* s`),
  ];
  const seed = Number(process.env.BERTH_FUZZ_SEED ?? Date.now() % 1_000_000);
  const rounds = Number(process.env.BERTH_FUZZ_ROUNDS ?? 1000);
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const archive = Uint8Array.from(base[round % base.length]!);
    const headers = next(2) === 0;
    for (let i = 0; i <= next(6); i++) {
      const at = next(archive.length);
      archive[at] = next(4) === 0 ? next(256) : archive[at]! ^ (1 << next(8));
      if (!headers) continue;
      // Repair the checksum, so that the change is seen by what lies behind.
      const block = at - (at % 512);
      archive.fill(0x20, block + 148, block + 156);
      const sum = archive.subarray(block, block + 512).reduce((a, b) => a + b, 0);
      archive.set(new TextEncoder().encode(sum.toString(8).padStart(6, "0") + "\0 "), block + 148);
    }
    const cut = next(10) === 0 ? archive.subarray(0, next(archive.length)) : archive;
    try {
      collect(cut, [next(2000) + 1, next(9000) + 1]);
    } catch (error) {
      const known = error instanceof BerthError || (error as Error).message === "too large for this test";
      if (!known) throw new Error(`seed ${seed}, round ${round}`, { cause: error });
    }
  }
});
