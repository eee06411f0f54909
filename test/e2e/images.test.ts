/** Images through commit, save, load, export and import: nothing that a filesystem can hold gets lost. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";
import { engineOfThisRun } from "../harness/engine.ts";

let daemon: Daemon;
let work = "";
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
  work = join(daemon.scope.directory, "work");
  mkdirSync(work);
}, 120_000);
afterAll(() => daemon.stop(), 60_000);

const sh = (script: string) => daemon.run(["sh", "-ec", `cd '${work}'; ${script}`]);
const isBerth = engineOfThisRun() === "berth";

/** Lists everything of a tree that an image must keep; `stat` of busybox, run inside. */
const LIST =
  'cd /odd && find . | sort | while read f; do stat -c \'%n %F %a %u:%g %t:%T\' "$f"; readlink "$f" || true; done; stat -c %s plain hole; cat plain hole | md5sum';

async function listing(image: string): Promise<string> {
  return await daemon.out("run", "--rm", image, "sh", "-c", LIST);
}

test("odd files survive import, run, commit, save, load, export", async () => {
  const sparse = isBerth ? "--sparse" : "";
  const made = await sh(`
    mkdir -p root && docker export $(docker create --name base busybox) | tar -C root -x && docker rm base >/dev/null
    mkdir root/odd && cd root/odd
    printf plain > plain; ln plain hard; ln -s plain soft; ln -s ../../../../up up; mkfifo fifo
    mknod null c 1 3; mknod block b 7 99
    printf y > "$(printf '%0200d' 0)"; mkdir -p $(printf '%0120d' 0)/$(printf '%0120d' 1); printf z > $(printf '%0120d' 0)/$(printf '%0120d' 1)/leaf
    printf u > 'ünï©ode and spaces'; chmod 6755 plain; chown 1234:5678 soft 'ünï©ode and spaces' -h; chmod 1777 .
    truncate -s 3M hole; printf end >> hole
    cd ../.. && tar ${sparse} --xattrs -C root -cf root.tar . && docker import -c 'CMD ["sh"]' root.tar odd:1`);
  expect(made).toMatchObject({ exitCode: 0, stderr: "" });
  const original = await listing("odd:1");
  expect(original).toContain("./null character special file");
  expect(original).toContain("5\n3145731\n");

  // A second layer over it: one deleted, one replaced by another kind, one changed, a folder emptied.
  await daemon.out(
    "run",
    "--name",
    "change",
    "odd:1",
    "sh",
    "-c",
    "cd /odd; rm fifo; rm soft; mkdir soft; echo in > soft/in; rm -r 0*1 0*; mkdir opaque; chmod 700 hole",
  );
  await daemon.out("commit", "change", "odd:2");
  await daemon.out("rm", "change");
  const second = await listing("odd:2");
  expect(second).not.toContain("./fifo");
  expect(second).toContain("./soft directory");
  expect(second).toContain("./hole regular file 700");

  // A folder that was replaced hides what was below it.
  await daemon.out(
    "run",
    "--name",
    "replace",
    "odd:2",
    "sh",
    "-c",
    "cd /odd; rm -r soft; mkdir soft; echo new > soft/new",
  );
  await daemon.out("commit", "replace", "odd:3");
  await daemon.out("rm", "replace");
  expect(await daemon.out("run", "--rm", "odd:3", "ls", "/odd/soft")).toBe("new");
  const third = await listing("odd:3");

  expect(
    (
      await sh(
        "docker save -o all.tar odd:1 odd:2 odd:3; docker rmi odd:1 odd:2 odd:3 >/dev/null; docker load -q -i all.tar | sort",
      )
    ).stdout,
  ).toBe("Loaded image: odd:1\nLoaded image: odd:2\nLoaded image: odd:3\n");
  expect(await listing("odd:1")).toBe(original);
  expect(
    await daemon.out("run", "--rm", "odd:3", "sh", "-c", "cd /odd; [ plain -ef hard ] && echo one file"),
  ).toBe("one file");
  expect(await listing("odd:2")).toBe(second);
  expect(await listing("odd:3")).toBe(third);

  expect(
    (
      await sh(
        "docker export $(docker create --name flatten odd:3) | docker import - flat:1 >/dev/null; docker rm flatten",
      )
    ).exitCode,
  ).toBe(0);
  expect(await listing("flat:1")).toBe(third);
  expect(
    await daemon.out("run", "--rm", "flat:1", "sh", "-c", "cd /odd; [ plain -ef hard ] && echo one file"),
  ).toBe("one file");
  expect(await daemon.out("image", "inspect", "-f", "{{json .RootFS.Layers}}", "flat:1")).toMatch(
    /^\["sha256:[0-9a-f]{64}"\]$/,
  );
}, 120_000);

test.if(isBerth)("extended attributes and capabilities survive", async () => {
  const made = await sh(`
    docker run --name caps --cap-add SETFCAP -v /usr/sbin/setcap:/x:ro busybox true; docker rm caps >/dev/null
    docker export $(docker create --name x1 busybox) -o x.tar; docker rm x1 >/dev/null; mkdir x; tar -C x -xf x.tar; echo a > x/attr
    python3 -c 'import os; os.setxattr("x/attr", "user.note", b"kept \\x00\\xff"); os.setxattr("x/attr", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))'
    tar --xattrs --xattrs-include='*' -C x -cf x2.tar .; docker import x2.tar attrs >/dev/null
    docker create --name x2 attrs true; docker commit x2 attrs2 >/dev/null; docker rm x2 >/dev/null
    docker save attrs2 -o a2.tar; docker rmi attrs attrs2 >/dev/null; docker load -q -i a2.tar
    docker create --name x3 attrs2 true >/dev/null; docker export x3 -o x3.tar; docker rm x3 >/dev/null
    mkdir y; tar --xattrs --xattrs-include='*' -C y -xf x3.tar
    python3 -c 'import os; print(os.getxattr("y/attr", "user.note"), os.getxattr("y/attr", "security.capability").hex())'`);
  expect(made.stderr).toBe("");
  expect(made.stdout.trim().split("\n").at(-1)).toBe(
    "b'kept \\x00\\xff' 0100000200040000000000000000000000000000",
  );
});

test("a layer is stored once: loading twice, and tags of one image", async () => {
  const size = async () => Number((await sh(`du -s --block-size=1 '${daemon.dataRoot}' | cut -f1`)).stdout);
  await sh("docker save -o same.tar busybox");
  const before = await size();
  await sh("docker load -q -i same.tar; docker tag busybox twin:1; docker save twin:1 | docker load -q");
  expect((await size()) - before).toBeLessThan(500_000);
  await daemon.out("rmi", "twin:1");
});

test("hostile archives are refused, and leave nothing", async () => {
  const archives = join(work, "hostile");
  mkdirSync(archives);
  writeFileSync(
    join(archives, "make.py"),
    `
import io, json, tarfile, hashlib
def layer(*entries):
    data = io.BytesIO(); out = tarfile.open(fileobj=data, mode="w")
    for name, kind, link in entries:
        info = tarfile.TarInfo(name); info.type = kind; info.linkname = link
        body = b"owned" * 1000 if kind == tarfile.REGTYPE else b""
        info.size = len(body); out.addfile(info, io.BytesIO(body))
    out.close(); return data.getvalue()
def image(path, blob, name):
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(blob).hexdigest()]}}).encode()
    manifest = json.dumps([{"Config": "c.json", "RepoTags": [name], "Layers": ["l.tar"]}]).encode()
    out = tarfile.open(path, "w")
    for entry, body in (("c.json", config), ("l.tar", blob), ("manifest.json", manifest)):
        info = tarfile.TarInfo(entry); info.size = len(body); out.addfile(info, io.BytesIO(body))
    out.close()
work = "${work}"
up = "../" * 12
image("climb.tar", layer((up + work[1:] + "/climbed", tarfile.REGTYPE, "")), "evil:climb")
image("symlink.tar", layer(("out", tarfile.SYMTYPE, work), ("out/through", tarfile.REGTYPE, "")), "evil:symlink")
image("hardlink.tar", layer(("stolen", tarfile.LNKTYPE, up + "etc/passwd")), "evil:hardlink")
image("truncated.tar", layer(("f", tarfile.REGTYPE, ""))[:1000], "evil:truncated")
huge = tarfile.TarInfo("huge"); huge.size = 1 << 60
image("huge.tar", huge.tobuf(tarfile.GNU_FORMAT) + b"x" * 1024, "evil:huge")
image("garbage.tar", bytes(range(256)) * 8, "evil:garbage")
`,
  );
  expect((await sh("cd hostile; python3 make.py")).stderr).toBe("");
  for (const name of ["climb", "symlink", "hardlink", "truncated", "huge", "garbage"]) {
    const load = await daemon.docker("load", "-i", join(archives, `${name}.tar`));
    const run = load.exitCode === 0 ? await daemon.docker("run", "--rm", `evil:${name}`, "/none") : undefined;
    // Either the archive is refused, or it was made harmless: in no case does anything appear outside.
    expect([name, (await sh("ls climbed through 2>/dev/null | wc -l")).stdout]).toEqual([name, "0\n"]);
    if (["truncated", "huge", "garbage"].includes(name)) expect([name, load.exitCode]).toEqual([name, 1]);
    if (name === "hardlink" && run !== undefined) {
      const stolen = await daemon.run([
        "sh",
        "-c",
        "docker cp $(docker create evil:hardlink x):/stolen - 2>/dev/null | tar -xO",
      ]);
      expect(stolen.stdout).not.toContain("root:/root:/bin/bash");
    }
  }
  const refused = (await daemon.out("images", "-q", "evil")).split("\n").filter(Boolean);
  expect(refused.length).toBeLessThanOrEqual(3);
}, 60_000);

test("an image in use is kept, and freed space is really free", async () => {
  await daemon.out(
    "run",
    "--name",
    "big",
    "busybox",
    "dd",
    "if=/dev/urandom",
    "of=/big",
    "bs=1M",
    "count=20",
  );
  await daemon.out("commit", "big", "big:1");
  await daemon.out("rm", "big");
  await daemon.out("create", "--name", "holds", "big:1", "true");
  expect((await daemon.docker("rmi", "big:1")).stderr).toContain("is using its referenced image");
  const size = async () => Number((await sh(`du -sm '${daemon.dataRoot}' | cut -f1`)).stdout);
  const before = await size();
  await daemon.out("rm", "holds");
  await daemon.out("rmi", "big:1");
  expect(before - (await size())).toBeGreaterThanOrEqual(18);
}, 60_000);
