import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import zlib from "node:zlib";
import { type Digest, sha256 } from "@berth/base";
import { kill } from "@berth/linux";
import { collect } from "../testing/collect.ts";
import { listing } from "../testing/listing.ts";
import { output, run, Scratch } from "../testing/scratch.ts";
import { variedTree } from "../testing/varied-tree.ts";
import type { View } from "./protocol.ts";

// The machine may be busy.
setDefaultTimeout(60_000);

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

describe("copy-up", () => {
  const image = scratch.folder("image");
  mkdirSync(join(image, "data"));
  variedTree(scratch, join(image, "data"));
  scratch.shell(
    image,
    "chmod 1750 data; chown 70:71 data; touch -d '2020-01-01 00:00:00.5Z' data; mkdir empty; chown 5:6 empty; echo f > file; ln -s data link",
  );
  const view: View = { kind: "folder", path: image };

  function volume(): string {
    const folder = join(scratch.folder("volume"), "_data");
    mkdirSync(folder);
    return folder;
  }
  const copyUp = async (from: string, to: string, more = {}) =>
    (await run({ job: "copy-up", view, copies: [{ from, to, ...more }] })).copied[0];

  test("everything, and the folder's own attributes", async () => {
    const to = volume();
    const before = statSync(to).ino;
    expect(await copyUp("/data", to)).toBe(true);
    expect(listing(to)).toEqual(listing(join(image, "data")));
    expect(statSync(join(to, "sparse")).blocks).toBeLessThan(200);
    // Others may have it mounted.
    expect(statSync(to).ino).toBe(before);
    expect(readdirSync(dirname(to))).toEqual(["_data"]);
  });

  test("through a link in the image", async () => {
    const to = volume();
    expect(await copyUp("/link", to)).toBe(true);
    expect(listing(to)).toEqual(listing(join(image, "data")));
  });

  test("an empty folder gives its owner", async () => {
    const to = volume();
    expect(await copyUp("/empty", to)).toBe(true);
    expect(lstatSync(to)).toMatchObject({ uid: 5, gid: 6 });
  });

  test("nothing when the volume has something, or the image has nothing", async () => {
    const to = volume();
    expect(await copyUp("/nope", to)).toBe(false);
    expect(await copyUp("/file", to)).toBe(false);
    expect(readdirSync(to)).toEqual([]);
    writeFileSync(join(to, "mine"), "m");
    expect(await copyUp("/data", to)).toBe(false);
    expect(readdirSync(to)).toEqual(["mine"]);
  });

  test("a copy that was broken off is finished, without touching what is complete", async () => {
    const to = volume();
    await copyUp("/data", to);
    const want = listing(to);
    // As a crash leaves it: the mark, a file that was being written, folders without their attributes, some things missing.
    scratch.shell(
      to,
      "rm -rf a/large a/fifo sparse sticky; chmod 700 a/b; chown 0:0 a/b; echo part > a/.berth-copying; touch ../._data.copying",
    );
    writeFileSync(join(to, "empty"), "a container wrote this");
    expect(await copyUp("/data", to)).toBe(true);
    expect(readFileSync(join(to, "empty"), "utf8")).toBe("a container wrote this");
    const differs = listing(to).filter((line) => !want.includes(line) && !line.startsWith("empty "));
    expect(differs).toEqual([]);
    expect(existsSync(join(to, "../._data.copying"))).toBe(false);
    expect(existsSync(join(to, "a/.berth-copying"))).toBe(false);
  });

  test("several at once, a folder in a volume, a volume that is a file system", async () => {
    const [one, two, three] = [volume(), volume(), volume()];
    mkdirSync(join(two, "sub"));
    const mount = { type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=32m"] };
    const { copied } = await run({
      job: "copy-up",
      view: { kind: "rootfs", rootfs: { kind: "directory", path: image }, readOnly: true },
      copies: [
        { from: "/data", to: one },
        { from: "/data", to: two, subpath: "sub" },
        { from: "/data", to: three, mount },
      ],
    });
    expect(copied).toEqual([true, true, true]);
    expect(listing(join(two, "sub"))).toEqual(listing(one));
    // The file system was mounted for the job alone.
    expect(readdirSync(three)).toEqual([]);
    const missing = await copyUp("/data", volume(), { subpath: "no" }).catch((error) => error);
    expect(missing.kind).toBe("not-found");
    const outside = await copyUp("/data", two, { subpath: "../x" }).catch((error) => error);
    expect(outside.code).toBe("EXDEV");
  });
});

describe("read-file", () => {
  const root = scratch.folder("root");
  scratch.shell(
    root,
    "mkdir etc d; echo root > etc/passwd; ln -s /etc/passwd link; ln -s /../../../etc/hostname out; mkfifo fifo; ln -s loop loop",
  );
  const view: View = { kind: "folder", path: root };

  test("what is a file inside", async () => {
    const paths = ["/etc/passwd", "link", "/nope", "/d", "/fifo", "/loop", "/out", "/etc/passwd/x"];
    const { contents } = await run({ job: "read-file", view, paths, limit: 5 });
    const base64 = Buffer.from("root\n").toString("base64");
    expect(contents).toEqual([base64, base64, null, null, null, null, null, null]);
  });

  test("too large", async () => {
    const error = await run({ job: "read-file", view, paths: ["/etc/passwd"], limit: 4 }).catch(
      (error) => error,
    );
    expect(error.message).toBe("/etc/passwd is larger than 4 bytes");
  });
});

test("disk-usage counts a file with two names once", async () => {
  const folder = scratch.folder();
  scratch.shell(folder, "mkdir d; head -c 10000 /dev/urandom > d/f; ln d/f g; truncate -s 1G sparse");
  const usage = await run({ job: "disk-usage", folder });
  const du = Number(scratch.shell(folder, "du -s -B1 .").split("\t")[0]);
  expect(usage).toEqual({ allocated: du, apparent: 10_000 + 2 ** 30, entries: 4 });
});

test("folder-sizes: many at once, missing ones, links that are not followed", async () => {
  const [one, two] = [scratch.folder(), scratch.folder()];
  scratch.shell(one, "mkdir d; head -c 100 /dev/urandom > d/f; ln d/f g; ln -s / root; ln -s /etc/passwd p");
  const folders = [one, `${one}/none`, two, `${one}/root`];
  const links = "/".length + "/etc/passwd".length;
  expect((await run({ job: "folder-sizes", folders })).sizes).toEqual([100 + links, null, 0, null]);
});

describe("gzip", () => {
  const content = Buffer.from("a layer ".repeat(300_000));
  const known = sha256(content);
  const file = (bytes: Uint8Array) => {
    const path = join(scratch.folder(), "blob");
    writeFileSync(path, bytes);
    return path;
  };
  const gzip = async (path: string, job: { encoding: "identity" | "zstd"; known: Digest }) => {
    const stdin = openSync(path, "r");
    try {
      return await output({ job: "gzip", ...job }, { stdin });
    } finally {
      closeSync(stdin);
    }
  };

  test("of content as it is, and as it is kept", async () => {
    const plain = await gzip(file(content), { encoding: "identity", known });
    const kept = await gzip(file(Bun.zstdCompressSync(content)), { encoding: "zstd", known });
    expect(zlib.gunzipSync(plain.bytes)).toEqual(content);
    expect(plain.result).toEqual({ digest: sha256(plain.bytes), size: plain.bytes.length });
    expect(kept).toEqual(plain);
  });

  test("of content that is compressed itself", async () => {
    const inner = Bun.gzipSync(content);
    const { bytes } = await gzip(file(inner), { encoding: "identity", known: sha256(inner) });
    expect(zlib.gunzipSync(bytes)).toEqual(Buffer.from(inner));
  });

  test("of damaged content is an error", async () => {
    const broken = gzip(file(content.subarray(1)), { encoding: "identity", known });
    expect(broken).rejects.toThrow(`content ${known} is damaged on disk`);
    await broken.catch(() => {});
  });
});

describe("the view of a process", () => {
  /** Runs something in a root of its own, with a file system mounted in it. */
  async function contained(): Promise<{ pid: number; root: string; stop(): Promise<void> }> {
    const root = scratch.folder("root");
    scratch.shell(
      root,
      "mkdir -p bin tmp etc proc; cp /bin/busybox bin/; echo inside > etc/name; ln -s /etc/name link; echo host > tmp/under",
    );
    const script = `mount --bind ${root} ${root}; mount -t tmpfs none ${root}/tmp; echo mounted > ${root}/tmp/over; echo ready; exec chroot ${root} /bin/busybox sleep 1000`;
    const child = Bun.spawn(
      ["unshare", "-m", "bash", "-euc", `cd ${root}; mount --bind . .; cd ${root}; ${script}`],
      { stdout: "pipe" },
    );
    const stop = async () => {
      child.kill(9);
      await child.exited;
    };
    try {
      const reader = child.stdout.getReader();
      let text = "";
      while (!text.includes("ready")) {
        const { done, value } = await reader.read();
        if (done) throw new Error("the container did not start");
        text += new TextDecoder().decode(value);
      }
      // Until the last exec is done its root is the host's.
      while (!existsSync(`/proc/${child.pid}/root/etc/name`)) await Bun.sleep(1);
    } catch (error) {
      await stop();
      throw error;
    }
    return { pid: child.pid, root, stop };
  }

  test("has its mounts; without them only its root; nothing when it has ended", async () => {
    const container = await contained();
    const view: View = { kind: "process", pid: container.pid };
    try {
      expect((await run({ job: "stat", view, path: "/link" })).linkTarget).toBe("/etc/name");
      const { bytes } = await output({ job: "archive-get", view, path: "/tmp" });
      expect(collect(bytes).map((member) => member.name)).toEqual(["tmp/", "tmp/over"]);
      const { contents } = await run({
        job: "read-file",
        view,
        paths: ["/link", "/../etc/name"],
        limit: 100,
      });
      expect(contents.map((content) => Buffer.from(content ?? "", "base64").toString())).toEqual([
        "inside\n",
        "inside\n",
      ]);
      await run({ job: "archive-put", view, path: "/tmp" }, { stdin: [bytes] });
      const plain = await output({ job: "pack", view: { ...view, mounts: false } });
      const names = collect(plain.bytes).map((member) => member.name);
      expect(names).toContain("tmp/under");
      expect(names).not.toContain("tmp/over");
      expect(names).not.toContain("usr/");
      expect(existsSync(join(container.root, "tmp/tmp"))).toBe(false);
    } finally {
      await container.stop();
    }
    for (const gone of [view, { ...view, mounts: false }] as View[]) {
      const error = await run({ job: "stat", view: gone, path: "/" }).catch((error) => error);
      expect(error.kind).toBe("not-found");
    }
    expect(() => kill(container.pid, 0)).toThrow();
  });
});
