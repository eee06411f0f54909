import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { collect } from "../testing/collect.ts";
import { listing } from "../testing/listing.ts";
import { output, run, Scratch } from "../testing/scratch.ts";
import { variedTree } from "../testing/varied-tree.ts";

// The machine may be busy.
setDefaultTimeout(60_000);
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}` as const;
const view = (path: string) => ({ kind: "folder", path }) as const;

describe("a tree with everything in it", () => {
  const tree = variedTree(scratch);

  test("comes back from GNU tar as it was", async () => {
    const { bytes, result } = await output({
      job: "pack",
      view: view(tree),
      subSecondTimes: true,
      sparse: true,
      digest: true,
    });
    const folder = scratch.folder();
    writeFileSync(join(scratch.path, "p.tar"), bytes);
    scratch.shell(folder, "tar --xattrs --xattrs-include='*' -xpf ../p.tar");
    // The root itself is not in the archive.
    expect(listing(folder).slice(1)).toEqual(listing(tree).slice(1));
    expect(statSync(join(folder, "sparse")).blocks).toBeLessThan(200);
    expect(result).toMatchObject({
      size: bytes.length,
      compressedSize: bytes.length,
      digest: sha256(bytes),
      diffId: sha256(bytes),
      warnings: [],
    });
    expect(bytes.subarray(-1024).every((byte) => byte === 0)).toBe(true);
    expect(collect(bytes).length).toBe(result.entries);
  });

  test("without digests the bytes are the same", async () => {
    const [one, two] = [
      await output({ job: "pack", view: view(tree) }),
      await output({ job: "pack", view: view(tree), digest: true }),
    ];
    expect(one.bytes.equals(two.bytes)).toBe(true);
    expect(one.result.digest).toBeUndefined();
    // To a file instead of a pipe.
    const path = join(scratch.path, "file.tar");
    const fd = openSync(path, "w");
    await run({ job: "pack", view: view(tree) }, { stdout: fd });
    closeSync(fd);
    expect(readFileSync(path).equals(one.bytes)).toBe(true);
  });

  test("python's tarfile reads it, holes filled", async () => {
    for (const sparse of [true, false]) {
      const { bytes } = await output({ job: "pack", view: view(tree), sparse });
      writeFileSync(join(scratch.path, "q.tar"), bytes);
      const seen = JSON.parse(
        scratch.shell(
          scratch.path,
          `python3 -c "
import tarfile,json,hashlib

t=tarfile.open('q.tar'); f=t.extractfile('sparse').read()
print(json.dumps([len(f), hashlib.sha256(f).hexdigest(), t.getmember('a/file').pax_headers.get('SCHILY.xattr.user.note')]))"`,
        ),
      );
      expect(seen[0]).toBe(5 << 20);
      expect(`sha256:${seen[1]}`).toBe(sha256(readFileSync(join(tree, "sparse"))));
      expect(bytes.length < 5 << 20).toBe(sparse);
    }
  });

  test("compressed: readable by the programs, both digests right", async () => {
    const plain = await output({ job: "pack", view: view(tree) });
    for (const compression of ["gzip", "zstd"] as const) {
      const { bytes, result } = await output({ job: "pack", view: view(tree), compression, digest: true });
      const content = Bun.spawnSync([compression, "-dc"], { stdin: bytes }).stdout;
      expect(content.equals(plain.bytes)).toBe(true);
      expect(result).toMatchObject({
        digest: sha256(bytes),
        diffId: sha256(content),
        size: content.length,
        compressedSize: bytes.length,
      });
    }
  });

  test("Docker's order and names, whole seconds", async () => {
    const { bytes } = await output({ job: "pack", view: view(tree) });
    const members = collect(bytes);
    expect(members.slice(0, 5).map((member) => member.name)).toEqual([
      "a/",
      "a/b/",
      "a/b/c/",
      "a/b/hard",
      "a/b/soft",
    ]);
    expect(members.every((member) => member.mtime.nanoseconds === 0)).toBe(true);
    // The second name of a file is the link.
    expect(members.find((member) => member.name === "a/file")).toMatchObject({
      type: "link",
      linkName: "a/b/hard",
    });
  });

  test("without what is excluded", async () => {
    const { bytes } = await output({ job: "pack", view: view(tree), exclude: ["a", "/sticky/", "empty"] });
    const names = collect(bytes).map((member) => member.name);
    expect(names.filter((name) => /^(a\/|sticky|empty)/.test(name))).toEqual([]);
    expect(names).toContain("absolute");
  });
});

test("sockets are left out", async () => {
  const folder = scratch.folder();
  const server = createServer().listen(join(folder, "socket"));
  await new Promise((listening) => server.once("listening", listening));
  writeFileSync(join(folder, "file"), "x");
  const { bytes } = await output({ job: "pack", view: view(folder) });
  server.close();
  expect(collect(bytes).map((member) => member.name)).toEqual(["file"]);
});

test("an empty folder is an empty archive", async () => {
  const { bytes } = await output({ job: "pack", view: view(scratch.folder()) });
  expect(bytes.equals(Buffer.alloc(1024))).toBe(true);
});

test("files of all sizes around the buffers", async () => {
  const folder = scratch.folder();
  const sizes = [
    0, 1, 511, 512, 513, 65_535, 65_536, 65_537, 524_287, 524_288, 524_289, 1_048_577, 3_000_001,
  ];
  for (const size of sizes)
    writeFileSync(
      join(folder, `f${size}`),
      crypto.getRandomValues(new Uint8Array(size % 65_536)).length === 0
        ? ""
        : Buffer.alloc(size, String(size)),
    );
  for (const digest of [true, false]) {
    const { bytes } = await output({ job: "pack", view: view(folder), digest });
    const members = collect(bytes, [99_999]);
    expect(members.length).toBe(sizes.length);
    for (const member of members)
      expect(readFileSync(join(folder, member.name)).equals(member.content)).toBe(true);
  }
});

test("files that are shorter than they say are filled up", async () => {
  const path = "/sys/kernel/mm/transparent_hugepage";
  const { bytes, result } = await output({ job: "pack", view: view(path) });
  const enabled = collect(bytes).find((member) => member.name === "enabled");
  expect(Buffer.from(enabled!.content).toString()).toStartWith(readFileSync(`${path}/enabled`, "utf8"));
  expect(enabled?.size).toBe(statSync(`${path}/enabled`).size);
  expect(result.warnings).toContain("enabled became shorter while it was read");
});

test("a patch over a folder is the layer that both are", async () => {
  const [below, upper, whole] = [scratch.folder(), scratch.folder(), scratch.folder()];
  const mark = `python3 -c 'import os; os.setxattr("o","trusted.overlay.opaque",b"y")'`;
  const base = `mkdir -p d/e o; echo 1 > d/a; echo 1 > d/e/b; echo 1 > o/c; ln -s a d/l; ln d/a d/h; ${mark}`;
  scratch.shell(below, base);
  scratch.shell(
    upper,
    "mkdir -p d/new o; chmod 700 d; echo 22 > d/b; echo 3 > d/new/n; rm -f d/l; echo 4 > d/l; echo 5 > o/d",
  );
  scratch.shell(
    whole,
    `${base}; mkdir d/new; chmod 700 d; echo 22 > d/b; echo 3 > d/new/n; rm d/l; echo 4 > d/l; echo 5 > o/d`,
  );
  for (const folder of [below, upper, whole])
    scratch.shell(folder, "find . -exec touch -h -d @1600000000 {} +");
  const patched = await output({ job: "diff", upper, below, kind: "overlay", digest: true });
  const expected = await output({ job: "diff", upper: whole, kind: "overlay", digest: true });
  expect(collect(patched.bytes)).toEqual(collect(expected.bytes));
  expect(patched.result.diffId).toBe(expected.result.diffId!);
  expect(collect(patched.bytes).some(({ name }) => name === "o/.wh..wh..opq")).toBe(true);
  const { layers } = await run({ job: "digests", layers: [{ upper, below }, { upper: whole }] });
  expect(layers.map(({ diffId }) => diffId)).toEqual([expected.result.diffId!, expected.result.diffId!]);
});

test("the upper folder of an overlay becomes a layer", async () => {
  const upper = scratch.folder();
  scratch.shell(
    upper,
    `mkdir -p d opaque/sub; echo n > d/new; mknod d/gone c 0 0; mknod gone c 0 0; echo n > opaque/new
     setfattr -n trusted.overlay.opaque -v y opaque 2>/dev/null || python3 -c 'import os; os.setxattr("opaque","trusted.overlay.opaque",b"y"); os.setxattr("d","trusted.overlay.origin",b"o"); os.setxattr("d","trusted.overlay.impure",b"y")'`,
  );
  const { bytes } = await output({ job: "diff", upper, kind: "overlay" });
  const members = collect(bytes);
  expect(members.map((member) => member.name)).toEqual([
    "d/",
    "d/.wh.gone",
    "d/new",
    ".wh.gone",
    "opaque/",
    "opaque/.wh..wh..opq",
    "opaque/new",
    "opaque/sub/",
  ]);
  expect(members.every((member) => member.xattrs === undefined)).toBe(true);
  expect(members[1]).toMatchObject({ type: "file", size: 0, mode: 0o600 });
});

test("an upper folder that refers to another is refused", async () => {
  const upper = scratch.folder();
  scratch.shell(
    upper,
    `mkdir d; python3 -c 'import os; os.setxattr("d","trusted.overlay.redirect",b"/old")'`,
  );
  const error = await run({ job: "diff", upper, kind: "overlay" }).catch((error) => error);
  expect(error.message).toBe('the layer cannot be read: /d has the overlay attribute "redirect"');
});

test("the difference of whole trees", async () => {
  const [base, upper] = [scratch.folder(), scratch.folder()];
  scratch.shell(
    base,
    "mkdir -p keep/deep d gone; echo 1 > keep/deep/f; echo 1 > d/f; echo 1 > d/g; echo 1 > gone/f; touch -d @1000 -h keep/deep/f d/f d/g",
  );
  scratch.shell(
    upper,
    `cp -a ${base}/. .; rm -r gone d/g; echo 22 > d/f; mkdir -p new/sub; echo n > new/sub/f`,
  );
  const { bytes } = await output({
    job: "diff",
    upper,
    kind: "whole",
    base: { kind: "directory", path: base },
  });
  expect(collect(bytes).map((member) => member.name)).toEqual([
    "d/",
    "d/f",
    "new/",
    "new/sub/",
    "new/sub/f",
    "d/.wh.g",
    ".wh.gone",
  ]);
  const folder = scratch.folder();
  scratch.shell(folder, `cp -a ${base}/. .`);
  await run({ job: "apply", folder, whiteouts: "remove" }, { stdin: [bytes] });
  expect(listing(folder, { times: false })).toEqual(listing(upper, { times: false }));
});
