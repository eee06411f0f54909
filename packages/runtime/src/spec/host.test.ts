import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AT, makeDevice, mknodat, S } from "@berth/linux";
import { containerDevices } from "./devices.ts";
import { devicesAt, readSpecHost } from "./host.ts";
import { hostConfig } from "./testing/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "berth-devices-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("this host", () => {
  const host = readSpecHost();
  expect(host.capabilities).toContain("CAP_CHOWN");
  const mask = /CapBnd:\s+(\S+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
  expect(host.capabilities).toHaveLength(BigInt(`0x${mask}`).toString(2).replaceAll("0", "").length);
  expect(host.hasSysctl("net.ipv4.ping_group_range")).toBe(true);
  expect(host.hasSysctl("net.ipv4.nope")).toBe(false);
  expect(host.mountInfo()).toContain(" / ");
  const paths = host.allDevices().map((device) => device.path);
  expect(paths).toContain("/dev/null");
  expect(paths).not.toContain("/dev/console");
  expect(paths.some((path) => path.startsWith("/dev/pts/"))).toBe(false);
  expect(host.devicesAt("/dev/null")).toEqual([
    { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 },
  ]);
});

test("a device, a link to one, a folder of them", () => {
  mkdirSync(join(folder, "sub"));
  mknodat(AT.FDCWD, join(folder, "b"), S.IFBLK | 0o640, makeDevice(7, 300));
  mknodat(AT.FDCWD, join(folder, "sub/a"), S.IFCHR | 0o600, makeDevice(1, 7));
  writeFileSync(join(folder, "file"), "");
  symlinkSync("b", join(folder, "link"));
  const disk = { type: "b" as const, major: 7, minor: 300, fileMode: 0o640, uid: 0, gid: 0 };
  expect(devicesAt(join(folder, "link"))).toEqual([{ ...disk, path: join(folder, "link") }]);
  expect(devicesAt(folder).map((device) => device.path)).toEqual([join(folder, "b"), join(folder, "sub/a")]);
  const mapped = containerDevices(
    hostConfig({
      Devices: [{ PathOnHost: `${folder}/`, PathInContainer: "/dev/set", CgroupPermissions: "rw" }],
    }),
    readSpecHost(),
  );
  expect(mapped.devices.map((device) => device.path)).toEqual(["/dev/set/b", "/dev/set/sub/a"]);
  expect(mapped.rules.at(-1)).toEqual({ allow: true, type: "c", major: 1, minor: 7, access: "rw" });
});

test("what is no device is refused in Docker's words", () => {
  const ask = (path: string) => () =>
    containerDevices(
      hostConfig({ Devices: [{ PathOnHost: path, PathInContainer: path, CgroupPermissions: "rwm" }] }),
      readSpecHost(),
    );
  expect(ask("/dev/nope")).toThrow(
    'error gathering device information while adding custom device "/dev/nope": no such file or directory',
  );
  expect(ask("/etc/passwd")).toThrow(
    'error gathering device information while adding custom device "/etc/passwd": not a device node',
  );
});
