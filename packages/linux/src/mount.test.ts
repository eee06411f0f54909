import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isErrno } from "./errno.ts";
import { mount } from "./mount.ts";
import { enterNamespace } from "./namespace.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-mount-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("mounts, namespaces and roots of a process of its own", async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "testing/namespace-child.ts"), folder], {
    stdout: "pipe",
    stderr: "inherit",
  });
  expect(JSON.parse(await new Response(child.stdout).text())).toEqual({
    hostname: "berth-inside",
    overlay: true,
    isMountRoot: true,
    readOnly: "EROFS",
    busy: true,
    foreign: true,
    stillPrivate: true,
    inside: true,
    back: true,
    pivoted: true,
    mountsGone: true,
  });
  expect(await child.exited).toBe(0);
  // Its mounts were its own and died with it.
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder);
  expect(existsSync(join(folder, "root/from-lower"))).toBe(false);
  expect(existsSync(join(folder, "upper/tmp"))).toBe(true);
});

test("errors name the target", () => {
  const target = join(folder, "nowhere");
  try {
    mount("tmpfs", target, "tmpfs");
    expect.unreachable();
  } catch (error) {
    expect(isErrno(error, "ENOENT")).toBe(true);
    expect((error as Error).message).toBe(`mount ${target}: no such file or directory`);
  }
  expect(() => enterNamespace("/etc/hostname")).toThrow("setns /etc/hostname: invalid argument");
});
