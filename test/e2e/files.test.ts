/** docker cp, volumes and binds with awkward files. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Daemon, startDaemon } from "../harness/daemon.ts";

let daemon: Daemon;
let work = "";
beforeAll(async () => {
  daemon = await startDaemon({ images: ["busybox"] });
  work = join(daemon.scope.directory, "work");
  mkdirSync(work);
}, 120_000);
afterAll(() => daemon.stop(), 60_000);

const sh = (script: string) => daemon.run(["sh", "-ec", `cd '${work}'; ${script}`]);

test("cp there and back: names, links, modes, times, holes", async () => {
  const made = await sh(`
    mkdir -p tree/sub && cd tree
    printf plain > plain; ln plain hard; ln -s plain soft; ln -s /absolute/target abs; mkfifo fifo
    printf x > 'with space'; printf y > "$(printf '%0250d' 0)"; printf z > 'ünï©ode'; printf w > '-dash'
    deep=deep/$(printf '%0100d' 0)/$(printf '%0100d' 1)/$(printf '%0100d' 2); mkdir -p $deep; printf d > $deep/end
    chmod 000 'with space'; chmod 1777 sub; touch -d '2001-02-03 04:05:06.789 UTC' sub
    truncate -s 5M hole; printf end >> hole
    chown -h 12:34 soft; chown 56:78 hard; chmod 4755 plain`);
  expect(made.exitCode).toBe(0);
  await daemon.out("create", "--name", "copied", "busybox");
  await daemon.ok(["docker", "cp", "-a", join(work, "tree"), "copied:/tree"]);
  await daemon.ok(["docker", "cp", "-a", "copied:/tree", join(work, "back")]);
  const list = "find . -printf '%P %y %m %s %l %TY-%Tm-%Td\\n' | sort";
  const before = await sh(`cd tree; ${list}`);
  const after = await sh(`cd back; ${list}`);
  // The root folder's own time is new; everything else is the same.
  expect(after.stdout).toBe(before.stdout);
  expect((await sh("diff -r --no-dereference -x fifo tree back && echo same")).stdout).toBe("same\n");
  // The client leaves owners away when it writes to its own disk, but they are in the archive.
  const owners = await daemon.run([
    "sh",
    "-c",
    "docker cp copied:/tree - | tar -tv --numeric-owner | grep -E ' tree/(soft|hard)' | tr -s ' ' | cut -d' ' -f2 | sort -u",
  ]);
  expect(owners.stdout).toBe("12/34\n56/78\n");
  await daemon.out("rm", "copied");
});

test("cp to and from a running container, also below a volume", async () => {
  await daemon.out(
    "run",
    "-d",
    "--name",
    "live",
    "-v",
    "copyvol:/vol",
    "--tmpfs",
    "/scratch",
    "busybox",
    "sleep",
    "1000",
  );
  writeFileSync(join(work, "f"), "content\n");
  await daemon.ok(["docker", "cp", join(work, "f"), "live:/vol/f"]);
  expect(await daemon.out("exec", "live", "cat", "/vol/f")).toBe("content");
  expect(await daemon.out("run", "--rm", "-v", "copyvol:/v", "busybox", "cat", "/v/f")).toBe("content");
  await daemon.out("exec", "live", "sh", "-c", "echo inside > /made");
  const out = await daemon.run(["sh", "-c", "docker cp live:/made - | tar -xO"]);
  expect(out.stdout).toBe("inside\n");
  await daemon.out("rm", "-f", "live");
  await daemon.out("volume", "rm", "copyvol");
});

test("a hostile archive for cp stays inside the container", async () => {
  await daemon.out("create", "--name", "target", "busybox");
  const script = `
import io, tarfile
out = tarfile.open("hostile.tar", "w")
def add(name, kind=tarfile.REGTYPE, link="", data=b"owned"):
    info = tarfile.TarInfo(name); info.type = kind; info.linkname = link
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    out.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)
add("../../../../../../../../${work.slice(1)}/climbed")
add("${work}/absolute")
add("link", tarfile.SYMTYPE, "${work}")
add("link/through")
add("hard", tarfile.LNKTYPE, "../../../../../../../../etc/passwd")
out.close()`;
  writeFileSync(join(work, "make.py"), script);
  expect((await sh("python3 make.py")).exitCode).toBe(0);
  await daemon.run(["docker", "cp", "-", "target:/tmp"], {
    stdin: await Bun.file(join(work, "hostile.tar")).bytes(),
  });
  expect((await sh("ls climbed absolute through 2>/dev/null | wc -l")).stdout).toBe("0\n");
  const passwd = await daemon.run(["sh", "-c", "docker cp target:/tmp/hard - | tar -xO"]);
  expect(passwd.stdout).not.toContain("/root:/bin/bash");
  await daemon.out("rm", "target");
});

test("a volume outlives containers and is refused removal while used", async () => {
  await daemon.out("volume", "create", "kept");
  await daemon.out("run", "--rm", "-v", "kept:/v", "busybox", "sh", "-c", "echo 1 > /v/f");
  await daemon.out("run", "-d", "--name", "holder", "-v", "kept:/v", "busybox", "sleep", "1000");
  expect((await daemon.docker("volume", "rm", "kept")).stderr).toContain("volume is in use");
  await daemon.out("rm", "-f", "holder");
  expect(await daemon.out("run", "--rm", "-v", "kept:/v", "busybox", "cat", "/v/f")).toBe("1");
  await daemon.out("volume", "rm", "kept");
  expect((await daemon.docker("volume", "inspect", "kept")).exitCode).toBe(1);
});

test("two containers share a volume while both run", async () => {
  await daemon.out(
    "run",
    "-d",
    "--name",
    "writer",
    "-v",
    "pipe:/v",
    "busybox",
    "sh",
    "-c",
    "while :; do date > /v/new; mv /v/new /v/now; sleep 0.05; done",
  );
  const read = await daemon.out(
    "run",
    "--rm",
    "-v",
    "pipe:/v",
    "busybox",
    "sh",
    "-c",
    "while ! test -s /v/now; do sleep 0.02; done; cat /v/now",
  );
  expect(read).toMatch(/\d\d:\d\d:\d\d/);
  await daemon.out("rm", "-f", "writer");
  await daemon.out("volume", "rm", "pipe");
});

test("a bind mount shows changes both ways, a file too", async () => {
  mkdirSync(join(work, "bound"));
  writeFileSync(join(work, "bound/f"), "host\n");
  await daemon.out(
    "run",
    "-d",
    "--name",
    "binder",
    "-v",
    `${work}/bound:/b`,
    "-v",
    `${work}/bound/f:/single:ro`,
    "busybox",
    "sleep",
    "1000",
  );
  expect(await daemon.out("exec", "binder", "cat", "/single")).toBe("host");
  await daemon.out("exec", "binder", "sh", "-c", "echo container > /b/g");
  expect((await sh("cat bound/g")).stdout).toBe("container\n");
  expect((await daemon.docker("exec", "binder", "sh", "-c", "echo x > /single")).exitCode).not.toBe(0);
  await daemon.out("rm", "-f", "binder");
});
