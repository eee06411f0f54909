import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { isKind } from "@berth/base";
import { getXattr, listXattrs } from "@berth/linux";
import type { ApplyJob } from "../index.ts";
import { contentSize, END_OF_ARCHIVE, encodeHeader, padding, type WritableEntry } from "../tar/writer.ts";
import { collect, random } from "../testing/collect.ts";
import { listing } from "../testing/listing.ts";
import { output, run, Scratch } from "../testing/scratch.ts";
import { variedTree } from "../testing/varied-tree.ts";

// The machine may be busy.
setDefaultTimeout(60_000);

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

const base = { mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 1_600_000_000, nanoseconds: 0 } } as const;

function tar(
  ...members: [Partial<WritableEntry> & { type: WritableEntry["type"]; name: string }, string?][]
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [member, content = ""] of members) {
    const entry = { ...base, size: content.length, ...member };
    const data = Buffer.from(content.padEnd(contentSize(entry), "."));
    parts.push(encodeHeader(entry), data, new Uint8Array(padding(data.length)));
  }
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

const file = (name: string, content = "x", more: Partial<WritableEntry> = {}) =>
  [{ type: "file", name, ...more }, content] as [WritableEntry, string];
const symlink = (name: string, linkName: string) => [{ type: "symlink", name, linkName }] as [WritableEntry];
const hardlink = (name: string, linkName: string) => [{ type: "link", name, linkName }] as [WritableEntry];
const directory = (name: string, more: Partial<WritableEntry> = {}) =>
  [{ type: "directory", name, mode: 0o755, ...more }] as [WritableEntry];

const apply = (folder: string, archive: Uint8Array, more: Partial<ApplyJob> = {}) =>
  run({ job: "apply", folder, whiteouts: "overlay", ...more }, { stdin: [archive] });

describe("what GNU tar packs", () => {
  const tree = variedTree(scratch);
  const archive = join(scratch.path, "varied.tar");
  scratch.shell(tree, `tar --format=posix --xattrs --xattrs-include='*' -S -cf ${archive} .`);

  test("has the same tree afterwards, holes included", async () => {
    const folder = scratch.folder();
    const result = await run(
      { job: "apply", folder, whiteouts: "overlay" },
      { stdin: Bun.file(archive).stream() },
    );
    expect(listing(folder)).toEqual(listing(tree));
    expect(statSync(join(folder, "sparse")).blocks).toBeLessThan(200);
    expect(result.diffId).toBe(`sha256:${createHash("sha256").update(readFileSync(archive)).digest("hex")}`);
    expect(result.size).toBe(statSync(archive).size);
    expect(result).toMatchObject({ compression: "none", warnings: [] });
    // The same again over what is there.
    await run({ job: "apply", folder, whiteouts: "overlay" }, { stdin: Bun.file(archive).stream() });
    expect(listing(folder)).toEqual(listing(tree));
  });

  for (const [kind, program] of [
    ["gzip", "gzip"],
    ["zstd", "zstd -q"],
    ["bzip2", "bzip2"],
    ["xz", "xz -0"],
  ] as const) {
    test(`compressed with ${kind}`, async () => {
      const folder = scratch.folder();
      const packed = `${archive}.${kind}`;
      scratch.shell(tree, `${program} -c < ${archive} > ${packed}`);
      const result = await run(
        { job: "apply", folder, whiteouts: "overlay", inputDigest: true },
        { stdin: Bun.file(packed).stream() },
      );
      expect(listing(folder)).toEqual(listing(tree));
      expect(result.compression).toBe(kind);
      expect(result.diffId).toBe(
        `sha256:${createHash("sha256").update(readFileSync(archive)).digest("hex")}`,
      );
      expect(result.digest).toBe(`sha256:${createHash("sha256").update(readFileSync(packed)).digest("hex")}`);
      expect(result.compressedSize).toBe(statSync(packed).size);
      // What was verified before is not hashed again.
      const trusted = await run(
        { job: "apply", folder: scratch.folder(), whiteouts: "overlay", known: result.diffId },
        { stdin: Bun.file(packed).stream() },
      );
      expect(trusted).toMatchObject({ diffId: result.diffId, size: result.size });
      expect(trusted.digest).toBeUndefined();
    });
  }
});

describe("an entry takes the place of what is there", () => {
  test("any kind after any kind", async () => {
    const kinds: Record<string, (name: string) => [WritableEntry, string?]> = {
      file: (name) => file(name, "new"),
      directory: (name) => directory(name),
      symlink: (name) => symlink(name, "elsewhere"),
      link: (name) => hardlink(name, "anchor"),
      fifo: (name) => [{ ...base, type: "fifo", name }],
    };
    for (const [first, makeFirst] of Object.entries(kinds)) {
      for (const [second, makeSecond] of Object.entries(kinds)) {
        const folder = scratch.folder();
        const inside =
          first === "directory" ? [file("e/inside", "i"), directory("e/sub"), file("e/sub/f")] : [];
        await apply(folder, tar(file("anchor", "a"), makeFirst("e"), ...inside, makeSecond("e")));
        const stat = lstatSync(join(folder, "e"));
        const title = `${second} after ${first}`;
        if (second === "file") expect(readFileSync(join(folder, "e"), "utf8"), title).toBe("new");
        if (second === "link") expect(stat.ino, title).toBe(lstatSync(join(folder, "anchor")).ino);
        if (second === "symlink") expect(readlinkSync(join(folder, "e")), title).toBe("elsewhere");
        if (second === "fifo") expect(stat.isFIFO(), title).toBe(true);
        if (second === "directory") {
          expect(stat.isDirectory(), title).toBe(true);
          expect(readdirSync(join(folder, "e")).length, title).toBe(first === "directory" ? 2 : 0);
          expect(stat.mtime.getTime(), title).toBe(1_600_000_000_000);
        }
        expect(readFileSync(join(folder, "anchor"), "utf8")).toBe("a");
      }
    }
  }, 60_000);

  test("folders keep what they have, and take on the archive's attributes", async () => {
    const folder = scratch.folder();
    scratch.shell(folder, "mkdir d; echo old > d/old; chmod 700 d; chown 9:9 d");
    await apply(folder, tar(directory("d", { mode: 0o2751, uid: 3, gid: 4 }), file("d/new")));
    expect(lstatSync(join(folder, "d"))).toMatchObject({ mode: 0o42751, uid: 3, gid: 4 });
    expect(readdirSync(join(folder, "d")).sort()).toEqual(["new", "old"]);
    // Not the group of the folder, but the archive's.
    expect(lstatSync(join(folder, "d/new")).gid).toBe(0);
  });

  test("a hard link to itself, and one that is there already", async () => {
    const folder = scratch.folder();
    await apply(
      folder,
      tar(file("a", "content"), hardlink("a", "a"), hardlink("b", "a"), hardlink("b", "a")),
    );
    expect(readFileSync(join(folder, "b"), "utf8")).toBe("content");
    expect(lstatSync(join(folder, "a")).nlink).toBe(2);
  });

  test("a link to a symbolic link is one to the link itself", async () => {
    const folder = scratch.folder();
    await apply(folder, tar(symlink("s", "nowhere"), hardlink("h", "s")));
    expect(readlinkSync(join(folder, "h"))).toBe("nowhere");
  });
});

describe("folders that the archive does not list", () => {
  test("are made with mode 0755", async () => {
    const folder = scratch.folder();
    await apply(folder, tar(file("a/b/f")));
    expect(lstatSync(join(folder, "a/b"))).toMatchObject({ mode: 0o40755, uid: 0, gid: 0 });
  });

  test("take the attributes that they have in the layers below", async () => {
    const [top, bottom, folder] = [scratch.folder(), scratch.folder(), scratch.folder()];
    scratch.shell(bottom, "mkdir -m 1777 tmp; mkdir -m 700 -p tmp/inner secret; chown 4:5 tmp; mkdir gone");
    scratch.shell(top, "mkdir -m 711 secret; mknod gone c 0 0");
    await apply(folder, tar(file("tmp/inner/f"), file("secret/f"), file("gone/f")), { lower: [top, bottom] });
    expect(lstatSync(join(folder, "tmp"))).toMatchObject({ mode: 0o41777, uid: 4, gid: 5 });
    expect(lstatSync(join(folder, "tmp/inner")).mode).toBe(0o40700);
    expect(lstatSync(join(folder, "secret")).mode).toBe(0o40711);
    expect(lstatSync(join(folder, "gone")).mode).toBe(0o40755);
  });
});

describe("hostile archives", () => {
  /** A folder to unpack into, and beside it what nobody may touch. */
  function prison(): { folder: string; outside: string } {
    const place = scratch.folder("prison");
    scratch.shell(place, "mkdir in out; echo secret > out/secret");
    return { folder: join(place, "in"), outside: join(place, "out") };
  }

  async function refused(
    archive: Uint8Array,
    message: string | RegExp,
    more: Partial<ApplyJob> = {},
  ): Promise<void> {
    const { folder, outside } = prison();
    const before = listing(outside);
    const error = await apply(folder, archive, more).then(
      () => undefined,
      (error) => error,
    );
    expect(error?.message).toMatch(message);
    expect(listing(outside)).toEqual(before);
  }

  test("names that climb out are refused", async () => {
    await refused(tar(file("../out/new")), '"../out/new" is outside of "/"');
    await refused(tar(file("a/../../out/new")), '"../out/new" is outside of "/"');
    await refused(tar(directory("..")), '".." is outside of "/"');
  });

  test("or contained, when asked for", async () => {
    const { folder, outside } = prison();
    await apply(folder, tar(file("../out/new"), file("../../f")), { climbing: "contain" });
    expect(existsSync(join(folder, "out/new"))).toBe(true);
    expect(existsSync(join(folder, "f"))).toBe(true);
    expect(readdirSync(outside)).toEqual(["secret"]);
  });

  test("absolute names are below the folder", async () => {
    const { folder } = prison();
    await apply(folder, tar(directory("/"), file("/etc/passwd"), file("//a//b")));
    expect(existsSync(join(folder, "etc/passwd"))).toBe(true);
    expect(existsSync(join(folder, "a/b"))).toBe(true);
  });

  test("a file through a symbolic link lands inside", async () => {
    for (const target of ["/out", "../out", "../../../../../out", "/proc/self/root/out"]) {
      const { folder, outside } = prison();
      await apply(folder, tar(directory("out"), symlink("s", target), file("s/secret", "overwritten"))).catch(
        () => {},
      );
      expect(readFileSync(join(outside, "secret"), "utf8"), target).toBe("secret\n");
      expect(readdirSync(outside)).toEqual(["secret"]);
      if (!target.startsWith("/proc"))
        expect(readFileSync(join(folder, "out/secret"), "utf8")).toBe("overwritten");
    }
  });

  test("an absolute link to the outside's real path leads nowhere", async () => {
    const { folder, outside } = prison();
    const error = await apply(folder, tar(symlink("s", outside), file("s/secret", "bad"))).catch(
      (error) => error,
    );
    expect(error.message).toContain("no such file or directory");
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret\n");
  });

  test("a link changed under an open folder does not lead out", async () => {
    const { folder, outside } = prison();
    const archive = tar(directory("d"), file("d/one"), symlink("d", outside), file("d/two")).slice();
    const error = await apply(folder, archive).catch((error) => error);
    expect(error).toBeInstanceOf(Error);
    expect(readdirSync(outside)).toEqual(["secret"]);
  });

  test("hard links to the outside", async () => {
    const { folder, outside } = prison();
    for (const target of ["../out/secret", join(outside, "secret"), "s/secret"]) {
      const archive = tar(symlink("s", outside), hardlink("h", target), file("h", "overwritten"));
      const error = await apply(folder, archive).catch((error) => error);
      expect(error.message, target).toMatch(/^link \/\S+ \/h: no such file or directory$|is outside/);
      expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret\n");
    }
  });

  test("whiteouts that would remove what is above", async () => {
    for (const name of [".wh...", ".wh..", ".wh.", "a/.wh..."]) {
      await refused(tar(directory("a"), file(name, "")), "invalid whiteout", { whiteouts: "remove" });
      await refused(tar(directory("a"), file(name, "")), "invalid whiteout");
    }
  });

  test("a whiteout through a link removes only inside", async () => {
    const { folder, outside } = prison();
    await apply(folder, tar(symlink("s", outside), file("s/.wh.secret", "")), { whiteouts: "remove" });
    expect(readdirSync(outside)).toEqual(["secret"]);
  });

  test("attributes that steer the host are left out", async () => {
    const { folder } = prison();
    const xattrs = new Map([
      ["trusted.overlay.redirect", Buffer.from("/etc")],
      ["security.capability", Buffer.from("0100000200200000000000000000000000000000", "hex")],
    ]);
    const { warnings } = await apply(folder, tar(directory("d"), file("d/f", "x", { xattrs })));
    expect(warnings).toEqual([
      'd/f: the extended attribute "trusted.overlay.redirect" belongs to the host and is left out',
    ]);
    expect(listXattrs(join(folder, "d/f"))).toEqual(["security.capability"]);
  });

  test("devices are made as they are, impossible ones refused", async () => {
    const { folder } = prison();
    await apply(
      folder,
      tar([{ ...base, type: "char", name: "null", deviceMajor: 1, deviceMinor: 3, mode: 0o666 }]),
    );
    expect(lstatSync(join(folder, "null"))).toMatchObject({ rdev: 259, mode: 0o20666 });
    await refused(
      tar([{ ...base, type: "block", name: "x", deviceMajor: 5000, deviceMinor: 0 }]),
      "impossible device number",
    );
  });

  test("the root as something else than a folder", async () => {
    await refused(tar(file("./")), "not a directory");
    await refused(tar(symlink(".", "/etc")), "not a directory");
    await refused(tar(hardlink("x", "/")), 'invalid hardlink "/" -> "/"');
  });

  test("8 GB that do not come", async () => {
    await refused(
      encodeHeader({ ...base, type: "file", name: "big", size: 8 * 2 ** 30 - 1 }),
      "unexpected EOF",
    );
  });

  test("4,000 folders in each other, and a name of 55,000 bytes", async () => {
    const { folder } = prison();
    const deep = Array.from({ length: 4000 }, (_, i) => "d".repeat(11) + i);
    const long = `${deep.join("/")}/file`;
    expect(long.length).toBeGreaterThan(55_000);
    await apply(folder, tar(file(long, "found"), file(`${deep.join("/")}/second`, "too")));
    expect(scratch.shell(folder, "find . -name second | wc -l").trim()).toBe("1");
    const result = await run({ job: "disk-usage", folder });
    expect(result.entries).toBe(4002);
    const { bytes } = await output({ job: "pack", view: { kind: "folder", path: folder } });
    expect(collect(bytes).at(-2)?.name).toBe(long);
  });

  test("any names and links: nothing outside is touched", async () => {
    const seed = Number(process.env.BERTH_FUZZ_SEED ?? Date.now() % 1_000_000);
    const next = random(seed);
    const place = scratch.folder("fuzz");
    scratch.shell(
      place,
      "mkdir -p in out/sub; echo secret > out/secret; echo x > out/sub/f; ln out/secret out/linked",
    );
    const before = listing(join(place, "out"));
    const words = [
      "a",
      "b",
      "..",
      ".",
      "",
      "out",
      "sub",
      "secret",
      ".wh.a",
      ".wh.secret",
      ".wh..wh..opq",
      "proc",
      "self",
      "root",
    ];
    const path = () => {
      const name = Array.from({ length: 1 + next(4) }, () => words[next(words.length)]!).join("/");
      return next(6) === 0 ? `/${name}` : next(12) === 0 ? join(place, "out", name) : name;
    };
    for (let round = 0; round < Number(process.env.BERTH_FUZZ_ROUNDS ?? 25); round++) {
      const members = Array.from({ length: 40 }, (): [WritableEntry, string?] => {
        const name = path() || "a";
        const kind = next(5);
        if (kind === 0) return directory(name, { mode: 0o777 });
        if (kind === 1) return symlink(name, path() || "b");
        if (kind === 2) return hardlink(name, path() || "b");
        return file(name, "overwritten", { uid: 9 });
      });
      const whiteouts = (["overlay", "remove", "keep"] as const)[round % 3]!;
      await apply(join(place, "in"), tar(...members), { whiteouts, climbing: "contain" }).catch(() => {});
      await apply(join(place, "in"), tar(...members.slice(0, 10)), { whiteouts }).catch(() => {});
      expect(listing(join(place, "out")), `seed ${seed}, round ${round}`).toEqual(before);
    }
  });

  test("300 bytes in one name", async () => {
    await refused(tar(file("x".repeat(300))), /^open \/x+: file name too long$/);
  });

  test("a full file system", async () => {
    const { folder } = prison();
    const script = `
      mount -t tmpfs -o size=1m none ${folder}
      exec ${process.execPath} ${join(import.meta.dir, "../testing/apply-from-stdin.ts")} ${folder}`;
    const child = Bun.spawnSync(["unshare", "-m", "bash", "-euc", script], {
      stdin: tar(file("big", "x".repeat(3 << 20))),
    });
    expect(child.stdout.toString().trim()).toBe("system ENOSPC write /big: no space left on device");
  });

  test("rubbish, and a broken gzip", async () => {
    await refused(Buffer.alloc(5000, "rubbish"), "archive/tar: invalid tar header");
    const packed = Bun.gzipSync(Buffer.from(tar(file("f", "x".repeat(100_000)))));
    await refused(packed.subarray(0, packed.length - 20), "unexpected EOF");
  });
});

describe("whiteouts", () => {
  const isWhiteout = (path: string) => lstatSync(path).isCharacterDevice() && lstatSync(path).rdev === 0;
  const opaque = (path: string) => Buffer.from(getXattr(path, "trusted.overlay.opaque") ?? []).toString();

  test("become overlayfs' marks", async () => {
    const folder = scratch.folder();
    await apply(
      folder,
      tar(
        file(".wh.top", ""),
        directory("d"),
        file("d/.wh.gone", ""),
        directory("o"),
        file("o/.wh..wh..opq", ""),
        file("o/new"),
        file("imp/.wh.x", ""),
      ),
    );
    expect(isWhiteout(join(folder, "top"))).toBe(true);
    expect(isWhiteout(join(folder, "d/gone"))).toBe(true);
    expect(isWhiteout(join(folder, "imp/x"))).toBe(true);
    expect(opaque(join(folder, "o"))).toBe("y");
    expect(readdirSync(join(folder, "o"))).toEqual(["new"]);
    expect(opaque(join(folder, "d"))).toBe("");
  });

  test("do not touch the layer's own entries, in either order", async () => {
    const folder = scratch.folder();
    await apply(
      folder,
      tar(
        file("a", "own"),
        file(".wh.a", ""),
        file(".wh.b", ""),
        file("b", "own"),
        directory("c"),
        file("c/f"),
        file(".wh.c", ""),
        file(".wh.e", ""),
        directory("e"),
        file("e/f"),
      ),
    );
    expect(readFileSync(join(folder, "a"), "utf8")).toBe("own");
    expect(readFileSync(join(folder, "b"), "utf8")).toBe("own");
    // What is below must not shine through a folder that was deleted and made again.
    expect([opaque(join(folder, "c")), opaque(join(folder, "e"))]).toEqual(["y", "y"]);
    expect(existsSync(join(folder, "c/f")) && existsSync(join(folder, "e/f"))).toBe(true);
  });

  test("remove from a whole tree", async () => {
    const folder = scratch.folder();
    scratch.shell(
      folder,
      "mkdir -p d/sub o/old/deep e; touch gone d/sub/f d/keep o/x o/old/deep/f e/old; ln -s d l",
    );
    await apply(
      folder,
      tar(
        file(".wh.gone", ""),
        file(".wh.never", ""),
        file("no/such/.wh.x", ""),
        file("d/.wh.sub", ""),
        file("o/new"),
        directory("o/old"),
        file("o/old/mine"),
        file("o/.wh..wh..opq", ""),
        file("e/mine"),
        file(".wh.e", ""),
        file("l/.wh.keep", ""),
      ),
      { whiteouts: "remove" },
    );
    expect(scratch.shell(folder, "find . | sort").trim().split("\n")).toEqual([
      ".",
      "./d",
      "./e",
      "./e/mine",
      "./l",
      "./o",
      "./o/new",
      "./o/old",
      "./o/old/mine",
    ]);
  });

  test("are files where they mean nothing, and aufs' bookkeeping is left out", async () => {
    const [kept, folder] = [scratch.folder(), scratch.folder()];
    await apply(kept, tar(file(".wh.x", "content"), file(".wh..wh..opq", "")), { whiteouts: "keep" });
    expect(readdirSync(kept).sort()).toEqual([".wh..wh..opq", ".wh.x"]);
    await apply(folder, tar(directory(".wh..wh.plnk"), file(".wh..wh.plnk/1.2"), file(".wh..wh.aufs", "")));
    expect(readdirSync(folder)).toEqual([]);
  });
});

test("what is not supported is a warning, what is missing not-found", async () => {
  const folder = scratch.folder();
  const xattrs = new Map([["user.a", Buffer.from("b")]]);
  const result = await apply(folder, tar([{ ...base, type: "symlink", name: "s", linkName: "x", xattrs }]));
  expect(result.warnings).toEqual(["s: the extended attribute user.a is not supported here"]);
  const missing = await apply(join(folder, "no"), tar()).catch((error) => error);
  expect(isKind(missing, "not-found")).toBe(true);
});
