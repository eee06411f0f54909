import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BerthError, type ErrorKind } from "@berth/base";
import { END_OF_ARCHIVE, encodeHeader, type WritableEntry } from "../tar/writer.ts";
import { collect } from "../testing/collect.ts";
import { listing } from "../testing/listing.ts";
import { output, run, Scratch } from "../testing/scratch.ts";
import type { View } from "./protocol.ts";

// The machine may be busy.
setDefaultTimeout(60_000);

/*
 * What dockerd 20.10.24 and 26.1.5 answer on the same tree; where they differ, 26.1.5, whose sentences have no paths of the host.
 */
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

const root = scratch.folder("root");
scratch.shell(
  root,
  `mkdir -p d/sub etc; echo 123 > d/f1; ln d/f1 d/f1h; ln -s /d ld; ln -s /nowhere dang; ln -s d/f1 lf; ln -s loop2 loop1; ln -s loop1 loop2
   echo root > etc/passwd; ln -s ../../../../../../etc up; mkfifo fifo; mknod null c 1 3; chmod 4755 etc/passwd; chmod 1777 d/sub
   touch -d '2022-11-22T19:55:21.83174263Z' d`,
);
const view: View = { kind: "folder", path: root };

async function failure(promise: Promise<unknown>): Promise<[ErrorKind, string]> {
  const error = await promise.then(
    () => undefined,
    (error) => error,
  );
  expect(error).toBeInstanceOf(BerthError);
  return [error.kind, error.message];
}

describe("stat", () => {
  const cases: [string, Record<string, unknown>][] = [
    ["/d", { name: "d", mode: 2147484141, linkTarget: "", mtime: "2022-11-22T19:55:21.83174263Z" }],
    ["/d/", { name: "d", mode: 2147484141 }],
    ["/d/.", { name: ".", mode: 2147484141, linkTarget: "" }],
    ["/", { name: "/", mode: 2147484141 }],
    [".", { name: ".", mode: 2147484141 }],
    ["d", { name: "d" }],
    ["/ld", { name: "ld", size: 2, mode: 134218239, linkTarget: "/d" }],
    ["/ld/", { name: "ld", mode: 2147484141, linkTarget: "" }],
    ["/ld/.", { name: ".", mode: 2147484141 }],
    ["/dang", { name: "dang", size: 8, mode: 134218239, linkTarget: "/nowhere" }],
    ["/lf", { name: "lf", linkTarget: "/d/f1" }],
    ["/up", { linkTarget: "/etc" }],
    ["/d/f1", { name: "f1", size: 4, mode: 420, linkTarget: "" }],
    ["/ld/f1", { name: "f1" }],
    ["//d//f1", { name: "f1" }],
    ["/d/../etc/passwd", { name: "passwd", mode: 0o755 + 0x0080_0000 }],
    ["/../../../etc/passwd", { name: "passwd" }],
    ["/d/sub", { mode: 0o777 + 0x8000_0000 + 0x0010_0000 }],
    ["/fifo", { mode: 0o644 + 0x0200_0000 }],
    ["/null", { mode: 0o644 + 0x0420_0000 }],
  ];
  for (const [path, facts] of cases) {
    test(path, async () => {
      expect(await run({ job: "stat", view, path })).toMatchObject(facts);
    });
  }

  test("what is not there", async () => {
    for (const path of ["/nope", "/nope/x", "/dang/", "/dang/x"]) {
      expect((await failure(run({ job: "stat", view, path })))[0], path).toBe("not-found");
    }
    for (const path of ["/d/f1/", "/d/f1/x", "/lf/"]) {
      expect(await failure(run({ job: "stat", view, path }))).toEqual([
        "system",
        `lstat ${path}: not a directory`,
      ]);
    }
    expect((await failure(run({ job: "stat", view, path: "/loop1/" })))[1]).toContain(
      "too many levels of symbolic links",
    );
    expect((await failure(run({ job: "stat", view, path: "/loop1" })))[1]).toContain(
      "too many levels of symbolic links",
    );
  });
});

describe("get", () => {
  const cases: [string, string[]][] = [
    ["/d", ["d/", "d/f1", "d/f1h", "d/sub/"]],
    ["/d/", ["d/", "d/f1", "d/f1h", "d/sub/"]],
    ["/d/.", ["./", "./f1", "./f1h", "./sub/"]],
    ["/ld", ["ld"]],
    ["/ld/", ["ld/", "ld/f1", "ld/f1h", "ld/sub/"]],
    ["/ld/.", ["./", "./f1", "./f1h", "./sub/"]],
    ["/dang", ["dang"]],
    ["/lf", ["lf"]],
    ["/d/f1", ["f1"]],
    ["/ld/f1", ["f1"]],
    ["/", ["/", "/d/", "/d/f1", "/d/f1h", "/d/sub/", "/dang", "/etc/"]],
  ];
  for (const [path, names] of cases) {
    test(path, async () => {
      const { bytes, facts } = await output({ job: "archive-get", view, path });
      expect(
        collect(bytes)
          .map((member) => member.name)
          .slice(0, 7),
      ).toEqual(names);
      expect(facts).toMatchObject(await run({ job: "stat", view, path }));
    });
  }

  test("the second name of a file is a link within the archive", async () => {
    const { bytes } = await output({ job: "archive-get", view, path: "/d/" });
    expect(collect(bytes)[2]).toMatchObject({ name: "d/f1h", type: "link", linkName: "d/f1" });
  });

  test("what is not there", async () => {
    expect((await failure(output({ job: "archive-get", view, path: "/nope" })))[0]).toBe("not-found");
    expect((await failure(output({ job: "archive-get", view, path: "/d/f1/" })))[1]).toBe(
      "lstat /d/f1/: not a directory",
    );
  });
});

describe("put", () => {
  const base = { mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 1_600_000_000, nanoseconds: 0 } } as const;
  const archive = (...entries: (Partial<WritableEntry> & Pick<WritableEntry, "type" | "name">)[]) =>
    Buffer.concat([...entries.map((entry) => encodeHeader({ ...base, ...entry })), END_OF_ARCHIVE]);
  const plain = archive(
    { type: "directory", name: "./", mode: 0o700 },
    { type: "file", name: "./new", uid: 7, gid: 8 },
  );
  const fresh = () => {
    const folder = scratch.folder("put");
    scratch.shell(folder, `cp -a ${root}/. .`);
    return folder;
  };
  const put = (path: string, folder: string, bytes: Uint8Array, more = {}) =>
    run({ job: "archive-put", view: { kind: "folder", path: folder }, path, ...more }, { stdin: [bytes] });

  test("into folders, also through links; the folder itself stays as it is", async () => {
    for (const path of ["/d", "/ld", "d/", "/d/.", "/ld/."]) {
      const folder = fresh();
      await put(path, folder, plain);
      expect(lstatSync(join(folder, "d/new")), path).toMatchObject({ uid: 7, gid: 8 });
      expect(lstatSync(join(folder, "d")).mode).toBe(0o40755);
    }
  });

  test("compressed", async () => {
    const folder = fresh();
    await put("/d", folder, Bun.gzipSync(plain));
    expect(existsSync(join(folder, "d/new"))).toBe(true);
  });

  test("places that cannot be", async () => {
    const folder = fresh();
    for (const path of ["/d/f1", "/lf"]) {
      expect(await failure(put(path, folder, plain))).toEqual([
        "invalid-parameter",
        "extraction point is not a directory",
      ]);
    }
    for (const path of ["/nope", "/dang"])
      expect((await failure(put(path, folder, plain)))[0]).toBe("not-found");
    expect(await failure(put("/d/f1/x", folder, plain))).toEqual([
      "system",
      "lstat /d/f1/x: not a directory",
    ]);
    expect(listing(folder).slice(1)).toEqual(listing(root).slice(1));
  });

  test("archives that lead elsewhere", async () => {
    const folder = fresh();
    const cases: [Uint8Array, string][] = [
      [archive({ type: "file", name: "../climb" }), '"../climb" is outside of "/d"'],
      [archive({ type: "file", name: "a/../../b" }), '"../b" is outside of "/d"'],
      [
        archive({ type: "link", name: "hl", linkName: "../../etc/passwd" }),
        'invalid hardlink "/etc/passwd" -> "../../etc/passwd"',
      ],
      [
        archive({ type: "symlink", name: "sl", linkName: "../../../../../../etc" }),
        'invalid symlink "/d/sl" -> "../../../../../../etc"',
      ],
      [
        archive({ type: "link", name: "hl", linkName: "nonexist" }),
        "link /d/nonexist /d/hl: no such file or directory",
      ],
      [
        archive({ type: "link", name: "hl", linkName: "/etc/passwd" }),
        "link /d/etc/passwd /d/hl: no such file or directory",
      ],
      [archive({ type: "file", name: "x".repeat(300) }), `open /d/${"x".repeat(300)}: file name too long`],
      [Buffer.alloc(4096, "junk"), "archive/tar: invalid tar header"],
    ];
    for (const [bytes, message] of cases)
      expect(await failure(put("/d", folder, bytes))).toEqual(["system", message]);
    // The same message for the folder behind a link.
    expect((await failure(put("/ld", folder, cases[0]![0])))[1]).toBe('"../climb" is outside of "/d"');
    expect(listing(folder, { times: false })).toEqual(listing(root, { times: false }));
  });

  test("a link and what goes through it stay in the container", async () => {
    const folder = fresh();
    await put(
      "/d",
      folder,
      archive({ type: "symlink", name: "sl", linkName: "/etc" }, { type: "file", name: "sl/through" }),
    );
    expect(existsSync(join(folder, "etc/through"))).toBe(true);
    expect(existsSync("/etc/through")).toBe(false);
  });

  test("whiteouts mean nothing here", async () => {
    const folder = fresh();
    await put("/d", folder, archive({ type: "file", name: ".wh.f1" }));
    expect(existsSync(join(folder, "d/.wh.f1")) && existsSync(join(folder, "d/f1"))).toBe(true);
  });

  test("noOverwriteDirNonDir", async () => {
    const folder = fresh();
    const keep = { noOverwriteDirNonDir: true };
    expect((await failure(put("/", folder, archive({ type: "file", name: "d" }), keep)))[1]).toBe(
      'cannot overwrite directory "/d" with non-directory "/"',
    );
    expect((await failure(put("/d", folder, archive({ type: "directory", name: "f1" }), keep)))[1]).toBe(
      'cannot overwrite non-directory "/d/f1" with directory "/d"',
    );
    await put("/", folder, archive({ type: "file", name: "d" }));
    expect(lstatSync(join(folder, "d")).isFile()).toBe(true);
  });

  test("an owner for everything", async () => {
    const folder = fresh();
    await put("/d", folder, plain, { owner: { uid: 33, gid: 44 } });
    expect(lstatSync(join(folder, "d/new"))).toMatchObject({ uid: 33, gid: 44 });
  });

  test("a root marked read-only", async () => {
    expect(await failure(put("/d", fresh(), plain, { readOnlyRoot: true }))).toEqual([
      "forbidden",
      "container rootfs is marked read-only",
    ]);
  });
});

describe("a root put together from layers and mounts", () => {
  const lower = scratch.folder("lower");
  scratch.shell(lower, `cp -a ${root}/. .; mkdir ro vol`);

  function container() {
    const [upper, work, volume, readOnly] = ["upper", "work", "vol", "ro"].map((name) =>
      scratch.folder(name),
    ) as [string, string, string, string];
    writeFileSync(join(volume, "in-volume"), "v");
    const file = join(scratch.folder(), "hosts");
    writeFileSync(file, "127.0.0.1 localhost\n");
    const layers: View = {
      kind: "rootfs",
      rootfs: { kind: "overlay", lower: [lower], upper, work },
      binds: [
        { source: volume, target: "/vol", readonly: false },
        { source: readOnly, target: "/ro", readonly: true },
        { source: file, target: "/etc/hosts", readonly: true },
        { source: volume, target: "/made/for/it", readonly: false },
      ],
    };
    return { layers, upper, volume, readOnly };
  }
  const base = { mode: 0o644, uid: 0, gid: 0, mtime: { seconds: 1, nanoseconds: 0 } } as const;
  const one = Buffer.concat([encodeHeader({ ...base, type: "file", name: "new" }), END_OF_ARCHIVE]);

  test("volumes are seen, and written to", async () => {
    const { layers, upper, volume } = container();
    expect((await run({ job: "stat", view: layers, path: "/vol/in-volume" })).size).toBe(1);
    expect((await run({ job: "stat", view: layers, path: "/etc/hosts" })).size).toBe(20);
    expect((await run({ job: "stat", view: layers, path: "/made/for/it/in-volume" })).size).toBe(1);
    await run({ job: "archive-put", view: layers, path: "/vol" }, { stdin: [one] });
    await run({ job: "archive-put", view: layers, path: "/d" }, { stdin: [one] });
    expect(existsSync(join(volume, "new"))).toBe(true);
    expect(existsSync(join(upper, "d/new"))).toBe(true);
    expect(existsSync(join(lower, "d/new"))).toBe(false);
    expect(scratch.shell("/", "cat /proc/mounts")).not.toContain(scratch.path);
  });

  test("a path beneath a volume, whose links lead nowhere else", async () => {
    const { layers, volume } = container();
    scratch.shell(volume, "mkdir inner; echo 12 > inner/file; ln -s /inner link; ln -s ../../.. up");
    const size = async (subpath: string) => {
      const binds = [{ source: volume, target: "/vol", readonly: false, subpath }];
      const view = { ...layers, binds } as View;
      return (await run({ job: "stat", view, path: "/vol/file" })).size;
    };
    expect(await size("inner")).toBe(3);
    expect(await size("link")).toBe(3);
    expect((await failure(size("up")))[0]).toBe("not-found");
    expect((await failure(size("none")))[0]).toBe("not-found");
  });

  test("read-only places", async () => {
    const { layers } = container();
    const put = (path: string, more = {}) =>
      failure(run({ job: "archive-put", view: layers, path, ...more }, { stdin: [one] }));
    expect(await put("/ro")).toEqual(["forbidden", "mounted volume is marked read-only"]);
    expect(await put("/d", { readOnlyRoot: true })).toEqual([
      "forbidden",
      "container rootfs is marked read-only",
    ]);
    await run({ job: "archive-put", view: layers, path: "/vol", readOnlyRoot: true }, { stdin: [one] });
  });

  test("a mounted file cannot be replaced", async () => {
    const { layers } = container();
    const bytes = Buffer.concat([encodeHeader({ ...base, type: "file", name: "hosts" }), END_OF_ARCHIVE]);
    expect(
      await failure(run({ job: "archive-put", view: layers, path: "/etc" }, { stdin: [bytes] })),
    ).toEqual(["system", "unlinkat /etc/hosts: device or resource busy"]);
  });

  test("a missing source", async () => {
    const { layers } = container();
    const broken = { ...layers, binds: [{ source: "/no/such", target: "/x", readonly: false }] } as View;
    expect(await failure(run({ job: "stat", view: broken, path: "/" }))).toEqual([
      "not-found",
      "stat /no/such: no such file or directory",
    ]);
  });

  test("read-only views change nothing and show the upper layer", async () => {
    const { layers, upper } = container();
    scratch.shell(upper, "mkdir d; echo u > d/upper; mknod d/f1 c 0 0; mknod etc c 0 0");
    const before = listing(upper);
    const { bytes } = await output({ job: "pack", view: { ...layers, binds: [], readOnly: true } as View });
    const names = collect(bytes).map((member) => member.name);
    expect(names).toContain("d/upper");
    expect(names.filter((name) => name.startsWith("etc") || name === "d/f1")).toEqual([]);
    expect(listing(upper)).toEqual(before);
  });

  test("200 layers", async () => {
    const layers = Array.from({ length: 200 }, (_, i) => {
      const layer = scratch.folder(
        `a-rather-long-name-of-a-layer-so-that-they-do-not-fit-into-a-page-${"x".repeat(40)}`,
      );
      writeFileSync(join(layer, `f${i}`), "");
      return layer;
    });
    const many: View = { kind: "rootfs", rootfs: { kind: "overlay", lower: layers } };
    const { bytes } = await output({ job: "pack", view: many });
    expect(collect(bytes).length).toBe(200);
  });

  test("one layer, and a plain folder", async () => {
    for (const rootfs of [
      { kind: "overlay", lower: [lower] },
      { kind: "directory", path: lower },
    ] as const) {
      expect((await run({ job: "stat", view: { kind: "rootfs", rootfs }, path: "/d/f1" })).size).toBe(4);
    }
    await run(
      {
        job: "archive-put",
        view: { kind: "rootfs", rootfs: { kind: "directory", path: lower } },
        path: "/d",
      },
      { stdin: [one] },
    );
    expect(readFileSync(join(lower, "d/new"), "utf8")).toBe("");
  });
});
