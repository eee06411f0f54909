import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MNT, mount, umount2 } from "@berth/linux";
import type { ShimRuntime } from "@berth/runtime";
import { childrenNamed, collect, finish, frames, ShimFixture, shimOf } from "./testing/fixture.ts";

// Each shim-server is Bun that loads its sources.
setDefaultTimeout(30_000);

let fixture: ShimFixture;
beforeAll(() => {
  fixture = new ShimFixture();
});
afterAll(async () => expect(await fixture.close()).toEqual([]));

/** Announces a launch: the shim that waits for it, once there is one. `others`: shim-servers that are not asked. */
async function spareOf(runtime: ShimRuntime, others: readonly number[] = []): Promise<number> {
  runtime.announce("launch");
  for (;;) {
    const [server = 0] = servers().filter((pid) => !others.includes(pid));
    const [found] = childrenNamed(server, "berth-spare");
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

test("a launch that was announced is taken by the shim that waits for it", async () => {
  const { runtime } = fixture;
  const waiting = await spareOf(runtime);
  const shim = await runtime.launch(fixture.launch(["sleep", "100"]), []);
  const { pid } = await shim.start();
  expect(await shimOf(pid)).toBe(waiting);
  await shim.kill(9);
  await finish(shim);
});

test("a container sees what was mounted on the host after its shim was forked", async () => {
  const { runtime, folder } = fixture;
  const waiting = await spareOf(runtime);
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

test("a shim that waits ends with its server", async () => {
  const others = servers();
  const other = fixture.newRuntime();
  const waiting = await spareOf(other, others);
  await other.close();
  while (existsSync(`/proc/${waiting}`)) await Bun.sleep(2);
});

test("a shim whose launch does not come is let go", async () => {
  const waiting = await spareOf(fixture.runtime);
  while (existsSync(`/proc/${waiting}`)) await Bun.sleep(20);
});
