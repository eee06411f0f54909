import { afterAll, afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cgroup, cgroupMode, hostCpu, openCgroup } from "./index.ts";
import { parseBlkio } from "./v1.ts";
import { blkioToIoWeight, parseIoStat, sharesToWeight } from "./v2.ts";

const PARENT = `/berth-test-${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), "berth-cgroup-"));
const children: Bun.Subprocess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
});
afterAll(() => {
  openCgroup(PARENT).remove();
  rmSync(folder, { recursive: true, force: true });
});

/** A shell in a new group of this host. It runs `script` once it is in there. */
function inGroup(
  name: string,
  script: string,
  prepare: (group: Cgroup) => void = () => {},
): { group: Cgroup; child: Bun.Subprocess } {
  const group = openCgroup(`${PARENT}/${name}`);
  group.create();
  prepare(group);
  const child = Bun.spawn(["sh", "-c", `read go; ${script}`], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
  });
  children.push(child);
  group.addProcess(child.pid);
  child.stdin.write("go\n");
  child.stdin.flush();
  return { group, child };
}

test("a group of this host: processes, figures, removal", async () => {
  const { group, child } = inGroup(
    "plain",
    "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; sleep 1000 & wait",
  );
  while (group.pids().length < 2) await Bun.sleep(1);
  expect(group.exists()).toBe(true);
  expect(group.pids()).toContain(child.pid);
  const stats = group.stats();
  expect(stats.cpu.totalNanoseconds).toBeGreaterThan(1_000_000);
  expect(stats.memory.usage).toBeGreaterThan(0);
  expect(stats.memory.limit).toBeUndefined();
  expect(Object.keys(stats.memory.stats).length).toBeGreaterThan(10);
  expect(stats.pids.current).toBe(2);
  expect(stats.pids.limit).toBeUndefined();
  if (group.mode !== "v2") expect(stats.cpu.perCpuNanoseconds).toHaveLength(hostCpu().online);
  expect(() => group.remove()).toThrow("device or resource busy");
  for (const pid of group.pids()) process.kill(pid, "SIGKILL");
  await child.exited;
  while (group.pids().length > 0) await Bun.sleep(1);
  group.remove();
  expect(group.exists()).toBe(false);
  group.remove();
  expect(group.pids()).toEqual([]);
});

test("processes of groups below count, each once", async () => {
  const { group, child } = inGroup("outer", "exec sleep 1000");
  const inner = openCgroup(`${PARENT}/outer/inner`);
  inner.create();
  inner.addProcess(child.pid);
  expect(group.pids()).toContain(child.pid);
  expect(new Set(group.pids()).size).toBe(group.pids().length);
});

test("a frozen group stands still until it is thawed", async () => {
  const { group, child } = inGroup("frozen", "while :; do :; done");
  const used = () => group.stats().cpu.totalNanoseconds;
  while (used() === 0) await Bun.sleep(1);
  group.freeze();
  expect(group.frozen()).toBe(true);
  const before = used();
  await Bun.sleep(30);
  expect(used()).toBe(before);
  group.thaw();
  expect(group.frozen()).toBe(false);
  while (used() === before) await Bun.sleep(1);
  expect(child.exitCode).toBeNull();
});

test("limits are changed and read back, and may be taken away", () => {
  const group = openCgroup(`${PARENT}/limits`);
  group.create();
  group.update({ memory: 64 << 20, memorySwap: 128 << 20, memoryReservation: 32 << 20, pids: 50 });
  group.update({ cpuShares: 512, cpuQuota: 20_000, cpuPeriod: 50_000, cpusetCpus: "0" });
  expect(group.stats().memory.limit).toBe(64 << 20);
  expect(group.stats().pids.limit).toBe(50);
  // Up past the old swap limit, and down again below it: the order of the writes differs.
  group.update({ memory: 256 << 20, memorySwap: 512 << 20 });
  expect(group.stats().memory.limit).toBe(256 << 20);
  group.update({ memory: 32 << 20, memorySwap: 32 << 20 });
  expect(group.stats().memory.limit).toBe(32 << 20);
  group.update({ memory: -1, memorySwap: -1, pids: -1, cpuQuota: -1 });
  expect(group.stats().memory.limit).toBeUndefined();
  expect(group.stats().pids.limit).toBeUndefined();
  expect(() => group.update({ cpusetCpus: "4000" })).toThrow(/^write .*cpuset.cpus: /);
});

test("a group that runs out of memory counts it", async () => {
  const { group, child } = inGroup("oom", "exec tail /dev/zero", (fresh) =>
    fresh.update({ memory: 16 << 20, memorySwap: 32 << 20 }),
  );
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  expect(group.oomKills()).toBe(1);
  expect(group.stats().memory.failures).toBeGreaterThan(0);
});

/** A folder that looks like a cgroup2 mount. */
function madeUpV2(): string {
  const root = mkdtempSync(join(folder, "v2-"));
  const group = join(root, "berth/abc");
  mkdirSync(join(group, "inner"), { recursive: true });
  const files: Record<string, string> = {
    "cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma\n",
    "cgroup.subtree_control": "cpu\n",
    "berth/cgroup.subtree_control": "",
    "berth/abc/cgroup.procs": "12\n",
    "berth/abc/inner/cgroup.procs": "13\n12\n",
    "berth/abc/cgroup.events": "populated 1\nfrozen 1\n",
    "berth/abc/cgroup.freeze": "0\n",
    "berth/abc/cpu.stat":
      "usage_usec 5000123\nuser_usec 4000000\nsystem_usec 1000123\nnr_periods 7\nnr_throttled 3\nthrottled_usec 900\n",
    "berth/abc/cpu.max": "max 100000\n",
    "berth/abc/cpu.weight": "100\n",
    "berth/abc/memory.current": "7340032\n",
    "berth/abc/memory.max": "max\n",
    "berth/abc/memory.swap.max": "max\n",
    "berth/abc/memory.low": "0\n",
    "berth/abc/memory.stat": "anon 1000\nfile 2000\ninactive_file 500\n",
    "berth/abc/memory.events": "low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\n",
    "berth/abc/pids.current": "2\n",
    "berth/abc/pids.max": "max\n",
    "berth/abc/io.stat": "8:0 rbytes=100 wbytes=200 rios=3 wios=4 dbytes=0 dios=0\n253:1 \n",
    "berth/abc/io.weight": "default 100\n",
    "berth/abc/cpuset.cpus": "\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  return root;
}

test("v2: figures in Docker's units", () => {
  const root = madeUpV2();
  expect(cgroupMode(root)).toBe("v2");
  const group = openCgroup("/berth/abc", root);
  expect(group.mode).toBe("v2");
  expect(group.pids().sort()).toEqual([12, 13]);
  expect(group.oomKills()).toBe(1);
  expect(group.frozen()).toBe(true);
  expect(group.stats()).toEqual({
    cpu: {
      totalNanoseconds: 5_000_123_000,
      userNanoseconds: 4_000_000_000,
      systemNanoseconds: 1_000_123_000,
      periods: 7,
      throttledPeriods: 3,
      throttledNanoseconds: 900_000,
    },
    memory: { usage: 7340032, failures: 2, stats: { anon: 1000, file: 2000, inactive_file: 500 } },
    blkio: {
      serviceBytes: [
        { major: 8, minor: 0, op: "read", value: 100 },
        { major: 8, minor: 0, op: "write", value: 200 },
        { major: 253, minor: 1, op: "read", value: 0 },
        { major: 253, minor: 1, op: "write", value: 0 },
      ],
      serviced: [
        { major: 8, minor: 0, op: "read", value: 3 },
        { major: 8, minor: 0, op: "write", value: 4 },
        { major: 253, minor: 1, op: "read", value: 0 },
        { major: 253, minor: 1, op: "write", value: 0 },
      ],
      queued: [],
      serviceTime: [],
      waitTime: [],
      merged: [],
      time: [],
      sectors: [],
    },
    pids: { current: 2 },
  });
});

test("v2: limits in the kernel's units", () => {
  const root = madeUpV2();
  const group = openCgroup("/berth/abc", root);
  const file = (name: string) => readFileSync(join(root, "berth/abc", name), "utf8");
  group.update({
    memory: 64 << 20,
    memorySwap: 96 << 20,
    memoryReservation: 32 << 20,
    cpuShares: 1024,
    cpuQuota: 50_000,
    cpusetCpus: "0-1",
    pids: 100,
    blkioWeight: 500,
  });
  expect(file("memory.max")).toBe(String(64 << 20));
  expect(file("memory.swap.max")).toBe(String(32 << 20));
  expect(file("memory.low")).toBe(String(32 << 20));
  expect(file("cpu.weight")).toBe("39");
  expect(file("cpu.max")).toBe("50000 100000");
  expect(file("cpuset.cpus")).toBe("0-1");
  expect(file("pids.max")).toBe("100");
  expect(file("io.weight")).toBe("4950");
  group.update({ cpuPeriod: 20_000 });
  expect(file("cpu.max")).toBe("50000 20000");
  group.update({ memory: -1, memorySwap: -1, pids: 0, cpuQuota: 0 });
  expect([file("memory.max"), file("memory.swap.max"), file("pids.max"), file("cpu.max")]).toEqual([
    "max",
    "max",
    "max",
    "max 20000",
  ]);
  group.freeze();
  expect(file("cgroup.freeze")).toBe("1");
  group.thaw();
  expect(file("cgroup.freeze")).toBe("0");
});

test("v2: a new group asks its parents for their controllers", () => {
  const root = madeUpV2();
  openCgroup("/berth/new/deep", root).create();
  expect(existsSync(join(root, "berth/new/deep"))).toBe(true);
  // On a real cgroup2 each write adds one; here the last one stays.
  expect(readFileSync(join(root, "cgroup.subtree_control"), "utf8")).toBe("+rdma");
});

test("which version a host has", () => {
  const empty = mkdtempSync(join(folder, "v1-"));
  expect(cgroupMode(empty)).toBe("v1");
  mkdirSync(join(empty, "unified"));
  writeFileSync(join(empty, "unified/cgroup.controllers"), "hugetlb\n");
  expect(cgroupMode(empty)).toBe("hybrid");
});

test("a path does not lead out of the hierarchy", () => {
  const root = madeUpV2();
  const group = openCgroup("../../../etc", root);
  expect(group.exists()).toBe(false);
  group.create();
  expect(existsSync(join(root, "etc"))).toBe(true);
  for (const path of ["", "/", "..", "/a/.."]) expect(() => openCgroup(path, root)).toThrow(RangeError);
});

test("units and tables", () => {
  expect([2, 1024, 262144, 1, 999999].map(sharesToWeight)).toEqual([1, 39, 10000, 1, 10000]);
  expect([10, 1000, 500].map(blkioToIoWeight)).toEqual([1, 10000, 4950]);
  expect(parseBlkio("8:0 Read 10\n8:0 Write 20\n8:16 5\nTotal 30\n")).toEqual([
    { major: 8, minor: 0, op: "Read", value: 10 },
    { major: 8, minor: 0, op: "Write", value: 20 },
    { major: 8, minor: 16, op: "", value: 5 },
  ]);
  expect(parseIoStat("garbage\n8:0\n")).toEqual({ bytes: [], operations: [] });
  const cpu = hostCpu("cpu  10 1 5 100 4 2 3 50 9 0\ncpu0 1 2\ncpu1 1 2\nintr 5\n");
  expect(cpu).toEqual({ totalNanoseconds: 125e7, online: 2 });
});
