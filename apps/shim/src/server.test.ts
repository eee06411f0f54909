import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MNT, mount, umount2 } from "@berth/linux";
import { childrenNamed, collect, finish, frames, ShimFixture, shimOf } from "./testing/fixture.ts";

// Each shim-server is Bun that loads its sources.
setDefaultTimeout(30_000);

let fixture: ShimFixture;
beforeAll(() => {
  fixture = new ShimFixture();
});
afterAll(async () => expect(await fixture.close()).toEqual([]));

/** The shim that waits for a launch, once there is one. `others`: shim-servers that are not asked. */
async function spareOf(others: readonly number[] = []): Promise<number> {
  for (;;) {
    const [server = 0] = servers().filter((pid) => !others.includes(pid));
    const [found] = childrenNamed(server, "berth-spare");
    if (found !== undefined) return found;
    await Bun.sleep(2);
  }
}

/** The process that makes bundles for the shims of the first of them. */
async function bundlesOf(others: readonly number[] = []): Promise<number> {
  for (;;) {
    const [server = 0] = servers().filter((pid) => !others.includes(pid));
    const [found] = childrenNamed(server, "berth-bundles");
    if (found !== undefined) return found;
    await Bun.sleep(2);
  }
}

/** Shim-servers that this process started. */
function servers(): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "latin1").trim().split(" ");
  return children.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("shim-server");
    } catch {
      return false; // It ended meanwhile.
    }
  });
}

test("a launch is taken by the shim that waits, and another one waits then", async () => {
  const { runtime } = fixture;
  runtime.announce();
  const waiting = await spareOf();
  const shim = await runtime.launch(fixture.launch(["sleep", "100"]), []);
  const { pid } = await shim.start();
  expect(await shimOf(pid)).toBe(waiting);
  expect(await spareOf()).not.toBe(waiting);
  await shim.kill(9);
  await finish(shim);
});

test("launches that come together are all taken", async () => {
  const { runtime } = fixture;
  const shims = await Promise.all(
    Array.from({ length: 8 }, () => runtime.launch(fixture.launch(["sleep", "100"]), [])),
  );
  const started = await Promise.all(shims.map((shim) => shim.start()));
  expect(new Set(await Promise.all(started.map(({ pid }) => shimOf(pid)))).size).toBe(8);
  await Promise.all(shims.map((shim) => shim.kill(9)));
  await Promise.all(shims.map(finish));
});

test("a shim that was killed while it waited is replaced", async () => {
  const { runtime } = fixture;
  const waiting = await spareOf();
  process.kill(waiting, "SIGKILL");
  const shim = await runtime.launch(fixture.launch(["true"]), []);
  await shim.start();
  expect((await finish(shim)).exitCode).toBe(0);
});

test("who makes the bundles is replaced when it was killed, and missed by no launch", async () => {
  const { runtime } = fixture;
  await spareOf();
  const killed = await bundlesOf();
  process.kill(killed, "SIGKILL");
  for (let launch = 0; launch < 2; launch++) {
    const shim = await runtime.launch(fixture.launch(["true"]), []);
    await shim.start();
    expect((await finish(shim)).exitCode).toBe(0);
  }
  await spareOf();
  expect(await bundlesOf()).not.toBe(killed);
});

test("nobody who waits keeps any of the host's mounts, nor one of a container that has ended", async () => {
  const { runtime } = fixture;
  const shim = await runtime.launch(fixture.launch(["true"]), []);
  await shim.start();
  await finish(shim);
  const [server = 0] = servers();
  for (const pid of [await spareOf(), await bundlesOf()]) {
    expect(readlinkSync(`/proc/${pid}/ns/mnt`)).toBe(readlinkSync("/proc/self/ns/mnt"));
    const targets = () => readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    while (targets().some((target) => /^(mnt|net):/.test(target))) await Bun.sleep(2);
  }
  expect(childrenNamed(server, "berth-bundles")).toHaveLength(1);
});

test("a container sees what was mounted on the host after its shim was forked", async () => {
  const { runtime, folder } = fixture;
  const waiting = await spareOf();
  const source = join(folder, "late");
  mkdirSync(source);
  mount("tmpfs", source, "tmpfs", 0);
  try {
    writeFileSync(join(source, "file"), "late");
    const request = fixture.launch(["cat", "/mnt/file"]);
    request.spec.mounts.push({ destination: "/mnt", type: "bind", source, options: ["rbind"] });
    const shim = await runtime.launch(request, []);
    const stream = await shim.attach({ stdin: false, stdout: true, stderr: true });
    await shim.start();
    expect(frames(await collect(stream), 1)).toBe("late");
    await finish(shim);
    while (existsSync(`/proc/${waiting}`)) await Bun.sleep(2);
  } finally {
    umount2(source, MNT.DETACH);
  }
});

test("who waits ends with its server", async () => {
  const others = servers();
  const other = fixture.newRuntime();
  const [waiting, bundles] = [await spareOf(others), await bundlesOf(others)];
  await other.close();
  for (const pid of [waiting, bundles]) while (existsSync(`/proc/${pid}`)) await Bun.sleep(2);
});
