import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cgroupMode } from "@berth/linux";
import { ShimRuntime } from "@berth/runtime";
import { finish, ShimFixture, shimOf } from "./testing/fixture.ts";

let fixture: ShimFixture;
let bundle: string;
let runtime: ShimRuntime;
beforeAll(async () => {
  fixture = new ShimFixture();
  bundle = mkdtempSync(join(tmpdir(), "berth-rehearsal-"));
  // One file, as in the executable: Bun that loads sources has threads, and does not rehearse.
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, "testing/shim-server.ts")],
    target: "bun",
    outdir: bundle,
  });
  runtime = new ShimRuntime({
    execRoot: join(fixture.folder, "exec"),
    shimServer: [process.execPath, built.outputs[0]!.path],
    hideUnifiedCgroup: cgroupMode() === "hybrid",
  });
}, 30_000);
afterAll(async () => {
  await runtime.close();
  expect(await fixture.close()).toEqual([]);
  rmSync(bundle, { recursive: true, force: true });
});

/** Kilobytes that only this process has. */
function privateMemory(pid: number): number {
  return Number(/^Private_Dirty:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1]);
}

test("a shim that was rehearsed has little memory of its own, and the rehearsal left nothing", async () => {
  const shim = await runtime.launch(fixture.launch(["sleep", "100"]), []);
  const { pid } = await shim.start();
  const process_ = await shimOf(pid);
  const server = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${process_}/status`, "latin1"))?.[1]);
  try {
    expect(privateMemory(process_)).toBeLessThan(1900);
    const at = (name: string) => `/proc/${server}/${name}`;
    expect(readFileSync(at("comm"), "latin1").trim()).toBe("berth-shims");
    for (const link of ["ns/mnt", "ns/net", "root", "cwd"])
      expect(readlinkSync(at(link))).toBe(readlinkSync(`/proc/self/${link}`));
    // The warmer, who makes bundles, this shim, the next one, and nothing that a runtime left.
    const children = () =>
      readFileSync(at(`task/${server}/children`), "latin1")
        .trim()
        .split(" ");
    const names = () =>
      children()
        .map((child) => readFileSync(`/proc/${child}/comm`, "latin1").trim())
        .sort();
    const expected = ["berth-bundles", "berth-shim", "berth-spare", "berth-warmer"];
    while (!Bun.deepEquals(names(), expected)) await Bun.sleep(2);
    // The streams, the daemon's socket, Bun's own two, the warmer's pipe, the one of who makes bundles, and of the shim that waits.
    const descriptors = readdirSync(at("fd")).map((fd) => readlinkSync(at(`fd/${fd}`)));
    expect(descriptors.filter((target) => /\/run\/|ns\/|net:|mnt:|signalfd/.test(target))).toEqual([]);
    expect(descriptors).toHaveLength(9);
  } finally {
    await shim.kill(9);
    await finish(shim);
  }
});
