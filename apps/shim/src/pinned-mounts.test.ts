import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MNT, MS, mount, umount2 } from "@berth/linux";
import type { Launch, ShimRuntime } from "@berth/runtime";
import { collect, finish, frames, ShimFixture } from "./testing/fixture.ts";

let fixture: ShimFixture;
let folder: string;
let runtime: ShimRuntime;
beforeAll(() => {
  fixture = new ShimFixture();
  ({ folder, runtime } = fixture);
});
afterAll(async () => expect(await fixture.close()).toEqual([]));
const launch: ShimFixture["launch"] = (...args) => fixture.launch(...args);

test("a path beneath a volume is looked up in the volume, whatever its links say", async () => {
  const volume = join(folder, "volume");
  mkdirSync(join(volume, "data"), { recursive: true });
  writeFileSync(join(volume, "data/file"), "inside");
  symlinkSync("/data", join(volume, "link"));
  const run = async (path: string) => {
    const request = launch(["cat", "/mnt/file"]);
    request.spec.mounts.push({
      destination: "/mnt",
      type: "bind",
      source: join(volume, "data"),
      options: ["rbind"],
      beneath: { folder: volume, path },
    });
    const shim = await runtime.launch(request, []);
    const stream = await shim.attach({ stdin: false, stdout: true, stderr: true });
    const output = collect(stream);
    await shim.start();
    await finish(shim);
    return frames(await output, 1);
  };
  expect(await run("data")).toBe("inside");
  // Absolute in the volume's own terms, and no way up.
  expect(await run("link")).toBe("inside");
  expect(await run("../data")).toBe("inside");
  expect(run("etc")).rejects.toThrow("no such file or directory");
});

/** What a container that runs `command` with the mount prints. */
async function printed(mount: Launch["spec"]["mounts"][number], ...command: string[]): Promise<string> {
  const request = launch(command);
  request.spec.mounts.push(mount);
  const shim = await runtime.launch(request, []);
  const output = collect(await shim.attach({ stdin: false, stdout: true, stderr: true }));
  await shim.start();
  await finish(shim);
  return frames(await output, 1);
}

test("a path beneath a file system that is mounted for the container", async () => {
  const lower = ["low", "high"].map((name) => join(folder, name));
  for (const each of lower) mkdirSync(join(each, "data"), { recursive: true });
  writeFileSync(join(lower[0]!, "data/below"), "1");
  writeFileSync(join(lower[1]!, "data/above"), "2");
  const beneath = (path: string, destination = "/mnt") => ({
    ...{ destination, type: "overlay", source: "overlay", beneath: { path } },
    options: [`lowerdir=${lower.toReversed().join(":")}`, "ro"],
  });
  expect(await printed(beneath("data"), "ls", "/mnt")).toBe("above\nbelow\n");
  expect(await printed(beneath("data/below", "/file"), "cat", "/file")).toBe("1");
  expect(await printed(beneath("data"), "sh", "-c", "touch /mnt/x 2>/dev/null || echo refused")).toBe(
    "refused\n",
  );
  expect(printed(beneath("none"), "true")).rejects.toThrow(
    "cannot access path none: no such file or directory",
  );
});

test("what is mounted in a shared bind reaches the host, and outlives the container", async () => {
  const shared = join(folder, "shared");
  mkdirSync(shared);
  mount("none", shared, "tmpfs");
  try {
    mount("", shared, "", MS.SHARED);
    mkdirSync(join(shared, "inner"));
    const request = launch(["sh", "-c", "mount -t tmpfs none /mnt/inner && touch /mnt/inner/seen"]);
    const all = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"];
    request.spec.process.capabilities = { bounding: all, effective: all, permitted: all };
    request.spec.linux.rootfsPropagation = "shared";
    request.spec.mounts.push({
      ...{ destination: "/mnt", type: "bind", source: shared, options: ["rbind", "rshared"] },
      reachesHost: true,
    });
    const shim = await runtime.launch(request, []);
    await shim.start();
    expect((await finish(shim)).exitCode).toBe(0);
    expect(readdirSync(join(shared, "inner"))).toEqual(["seen"]);
  } finally {
    umount2(shared, MNT.DETACH);
  }
});
