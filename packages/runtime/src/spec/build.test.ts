import { describe, expect, test } from "bun:test";
import type { HostConfig } from "@berth/api";
import { buildSpec } from "./build.ts";
import type { SpecInput } from "./input.ts";
import { ociJson } from "./json.ts";
import { DEFAULT_MASKED_PATHS } from "./paths.ts";
import { ID, specHost, specInput } from "./testing/fixtures.ts";

/* Facts from the config.json that dockerd 20.10.24 and 26.1.5 write for the same options. */

const build = (host: Partial<HostConfig> = {}, changes: Partial<Omit<SpecInput, "hostConfig">> = {}) =>
  buildSpec(specInput(host, changes));
const specOf = (host: Partial<HostConfig> = {}, changes: Partial<Omit<SpecInput, "hostConfig">> = {}) =>
  build(host, changes).spec;
const destinations = (spec: ReturnType<typeof specOf>) => spec.mounts.map((mount) => mount.destination);
const mountAt = (spec: ReturnType<typeof specOf>, path: string) =>
  spec.mounts.find((mount) => mount.destination === path);

describe("a container without options", () => {
  const spec = specOf();

  test("process", () => {
    expect(spec.process).toMatchObject({ args: ["sleep", "1000"], cwd: "/", oomScoreAdj: 0 });
    expect(spec.process.capabilities?.bounding).toHaveLength(14);
    expect(spec.process.capabilities?.effective).toEqual(spec.process.capabilities!.bounding!);
    expect(Object.keys(spec.process.capabilities!)).toEqual(["bounding", "effective", "permitted"]);
    expect(spec.process).not.toHaveProperty("terminal");
    expect(spec.process).not.toHaveProperty("noNewPrivileges");
    expect(spec.process).not.toHaveProperty("rlimits");
  });

  test("namespaces, cgroup, sysctls, paths", () => {
    expect(spec.linux.namespaces.map((namespace) => namespace.type)).toEqual([
      "mount",
      "network",
      "uts",
      "pid",
      "ipc",
    ]);
    expect(spec.linux.cgroupsPath).toBe(`/berth/${ID}`);
    expect(spec.linux.sysctl).toEqual({
      "net.ipv4.ip_unprivileged_port_start": "0",
      "net.ipv4.ping_group_range": "0 2147483647",
    });
    expect(spec.linux.maskedPaths).toEqual([...DEFAULT_MASKED_PATHS]);
    expect(spec.linux.readonlyPaths).toContain("/proc/sys");
    expect(spec.hostname).toBe("0123456789ab");
    expect(Object.keys(spec.linux.resources!)).toEqual(["devices"]);
  });

  test("mounts", () => {
    expect(destinations(spec)).toEqual([
      "/proc",
      "/dev",
      "/dev/pts",
      "/sys",
      "/sys/fs/cgroup",
      "/dev/mqueue",
      "/dev/shm",
      "/etc/resolv.conf",
      "/etc/hostname",
      "/etc/hosts",
    ]);
    expect(mountAt(spec, "/dev/shm")?.options).toEqual([
      "nosuid",
      "noexec",
      "nodev",
      "mode=1777",
      "size=67108864",
    ]);
    expect(mountAt(spec, "/sys")?.options).toEqual(["nosuid", "noexec", "nodev", "ro"]);
    expect(mountAt(spec, "/etc/hosts")?.options).toEqual(["rbind", "rprivate"]);
  });

  test("is the same when made again, and its profile is the same object", () => {
    expect(specOf()).toEqual(spec);
    expect(specOf().linux.seccomp).toBe(spec.linux.seccomp as object);
    expect(build().warnings).toEqual([]);
  });
});

describe("namespaces", () => {
  const types = (host: Partial<HostConfig>, changes: Partial<SpecInput> = {}) =>
    specOf(host, changes).linux.namespaces.map(({ type, path }) =>
      path === undefined ? type : `${type}=${path}`,
    );

  test("the host's are those that are not there", () => {
    const host = { NetworkMode: "host", PidMode: "host", IpcMode: "host", UTSMode: "host" };
    expect(types(host)).toEqual(["mount"]);
    const spec = specOf(host);
    expect(spec.hostname).toBeUndefined();
    expect(spec.linux.sysctl).toBeUndefined();
    expect(mountAt(spec, "/dev/shm")).toEqual({
      destination: "/dev/shm",
      type: "bind",
      source: "/dev/shm",
      options: ["rbind", "rprivate"],
    });
  });

  test("another container's are joined by path", () => {
    const modes = { NetworkMode: "container:abc", PidMode: "container:abc", IpcMode: "container:abc" };
    const joins = {
      network: "/proc/7/ns/net",
      pid: "/proc/7/ns/pid",
      ipc: "/proc/7/ns/ipc",
      shm: "/proc/7/root/dev/shm",
    };
    expect(types(modes, { joins })).toEqual([
      "mount",
      "network=/proc/7/ns/net",
      "uts",
      "pid=/proc/7/ns/pid",
      "ipc=/proc/7/ns/ipc",
    ]);
    const spec = specOf(modes, { joins });
    expect(spec.linux.sysctl).toBeUndefined();
    expect(mountAt(spec, "/dev/shm")?.source).toBe("/proc/7/root/dev/shm");
    expect(() => specOf(modes)).toThrow("the network namespace of container:abc was not resolved");
  });

  test("the cgroup namespace is private on v2 when nothing is said", () => {
    const v2 = { host: specHost({ cgroupVersion: 2 as const }) };
    expect(types({})).not.toContain("cgroup");
    expect(types({}, v2)).toContain("cgroup");
    expect(types({ CgroupnsMode: "host" }, v2)).not.toContain("cgroup");
    expect(types({ CgroupnsMode: "private" })).toContain("cgroup");
  });

  test("no /dev/shm with --ipc none", () => {
    expect(destinations(specOf({ IpcMode: "none" }))).not.toContain("/dev/shm");
  });
});

describe("--init", () => {
  test("runs the program under the init of the host", () => {
    const spec = specOf({ Init: true }, { initPath: "/usr/bin/tini-static" });
    expect(spec.process.args).toEqual(["/sbin/docker-init", "--", "sleep", "1000"]);
    expect(mountAt(spec, "/sbin/docker-init")).toEqual({
      destination: "/sbin/docker-init",
      type: "bind",
      source: "/usr/bin/tini-static",
      options: ["bind", "ro"],
    });
  });
  test("not beside another init; the daemon's default gives way to the container's word", () => {
    const initPath = "/usr/bin/tini-static";
    expect(specOf({ Init: true, PidMode: "host" }, { initPath }).process.args).toEqual(["sleep", "1000"]);
    expect(specOf({}, { initPath, initByDefault: true }).process.args[0]).toBe("/sbin/docker-init");
    expect(specOf({ Init: false }, { initPath, initByDefault: true }).process.args[0]).toBe("sleep");
    expect(() => specOf({ Init: true })).toThrow("no init program for --init was found on this host");
  });
});

describe("privileges", () => {
  const bounding = (host: Partial<HostConfig>) => specOf(host).process.capabilities!.bounding!;

  test("adding and dropping", () => {
    expect(bounding({ CapAdd: ["sys_admin"], CapDrop: ["CAP_MKNOD"] })).toContain("CAP_SYS_ADMIN");
    expect(bounding({ CapAdd: ["sys_admin"], CapDrop: ["CAP_MKNOD"] })).not.toContain("CAP_MKNOD");
    expect(bounding({ CapDrop: ["all"], CapAdd: ["NET_BIND_SERVICE"] })).toEqual(["CAP_NET_BIND_SERVICE"]);
    expect(bounding({ CapDrop: ["ALL"] })).toEqual([]);
    expect(bounding({ CapAdd: ["ALL"], CapDrop: ["CHOWN"] })).toEqual(
      specHost().capabilities.filter((name) => name !== "CAP_CHOWN"),
    );
    expect(bounding({ CapAdd: ["CHOWN"] }).filter((name) => name === "CAP_CHOWN")).toHaveLength(1);
  });

  test("names that are wrong or cannot be had", () => {
    expect(() => bounding({ CapAdd: ["FOO"] })).toThrow('invalid CapAdd: unknown capability: "CAP_FOO"');
    expect(() => bounding({ CapDrop: ["foo"] })).toThrow('invalid CapDrop: unknown capability: "CAP_FOO"');
    expect(() => bounding({ CapAdd: ["SYS_RESOURCE"] })).toThrow(
      'invalid CapAdd: capability not supported by your kernel or not available in the current environment: "CAP_SYS_RESOURCE"',
    );
    expect(bounding({ CapDrop: ["SYS_RESOURCE"] })).toHaveLength(14);
  });

  test("a privileged container", () => {
    const spec = specOf({ Privileged: true, CapDrop: ["CHOWN"] });
    expect(spec.process.capabilities!.bounding).toEqual([...specHost().capabilities]);
    expect(spec.linux).not.toHaveProperty("seccomp");
    expect(spec.linux).not.toHaveProperty("maskedPaths");
    expect(spec.linux).not.toHaveProperty("readonlyPaths");
    expect(mountAt(spec, "/sys")?.options).not.toContain("ro");
    expect(mountAt(spec, "/sys/fs/cgroup")?.options).not.toContain("ro");
    expect(spec.linux.devices?.map((device) => device.path)).toEqual(["/dev/null", "/dev/vda"]);
    expect((spec.linux.resources!.devices as object[]).at(-1)).toEqual({ allow: true, access: "rwm" });
  });

  test("security options", () => {
    const option = (...options: string[]) => specOf({ SecurityOpt: options });
    expect(option("no-new-privileges").process.noNewPrivileges).toBe(true);
    expect(option("no-new-privileges:true").process.noNewPrivileges).toBe(true);
    expect(option("no-new-privileges=false").process).not.toHaveProperty("noNewPrivileges");
    expect(specOf({}, { noNewPrivilegesByDefault: true }).process.noNewPrivileges).toBe(true);
    expect(
      specOf({ SecurityOpt: ["no-new-privileges=0"] }, { noNewPrivilegesByDefault: true }).process,
    ).not.toHaveProperty("noNewPrivileges");
    expect(option("seccomp=unconfined").linux).not.toHaveProperty("seccomp");
    expect(option("systempaths=unconfined").linux).not.toHaveProperty("maskedPaths");
    expect(mountAt(option("writable-cgroups=true"), "/sys/fs/cgroup")?.options).not.toContain("ro");
    expect(() => option("foo")).toThrow('invalid --security-opt 1: "foo"');
    expect(() => option("foo=bar")).toThrow('invalid --security-opt 2: "foo=bar"');
    expect(() => option("no-new-privileges=maybe")).toThrow(
      'invalid --security-opt 2: "no-new-privileges=maybe"',
    );
    expect(() => option("seccomp={")).toThrow("Decoding seccomp profile failed: ");
  });

  test("lists of paths in HostConfig are taken as they are", () => {
    expect(specOf({ MaskedPaths: [], ReadonlyPaths: ["/x"] }).linux).not.toHaveProperty("maskedPaths");
    expect(specOf({ MaskedPaths: [], ReadonlyPaths: ["/x"] }).linux.readonlyPaths).toEqual(["/x"]);
  });

  test("what this host cannot confine by is said", () => {
    expect(build({ SecurityOpt: ["apparmor=strict"] }).warnings).toEqual([
      "AppArmor is not enabled on this host: --security-opt apparmor=strict has no effect.",
    ]);
    expect(
      build({ SecurityOpt: ["label=type:x_t", "label=disable", "apparmor=unconfined"] }).warnings,
    ).toHaveLength(1);
    const apparmor = { host: specHost({ apparmor: true }) };
    expect(specOf({ SecurityOpt: ["apparmor=strict"] }, apparmor).process.apparmorProfile).toBe("strict");
    expect(() => build({ SecurityOpt: ["label=type:x_t"] }, { host: specHost({ selinux: true }) })).toThrow(
      "SELinux",
    );
  });
});

describe("limits", () => {
  const resources = (host: Partial<HostConfig>) => specOf(host).linux.resources!;

  test("memory, with as much swap again when nothing is said of it", () => {
    expect(resources({ Memory: 64 << 20 }).memory).toEqual({ limit: 67108864, swap: 134217728 });
    expect(
      resources({
        Memory: 64 << 20,
        MemorySwap: -1,
        MemoryReservation: 32 << 20,
        MemorySwappiness: 0,
        OomKillDisable: true,
      }).memory,
    ).toEqual({ limit: 67108864, reservation: 33554432, disableOOMKiller: true, swappiness: 0 });
    expect(resources({ MemorySwappiness: -1, OomKillDisable: false })).not.toHaveProperty("memory");
  });

  test("processors and processes", () => {
    expect(resources({ NanoCpus: 1.5e9, CpuShares: 512, CpusetCpus: "0-1", CpusetMems: "0" }).cpu).toEqual({
      shares: 512,
      quota: 150000,
      period: 100000,
      cpus: "0-1",
      mems: "0",
    });
    expect(resources({ CpuQuota: 5000, CpuPeriod: 10000 }).cpu).toEqual({ quota: 5000, period: 10000 });
    expect(resources({ PidsLimit: 50 }).pids).toEqual({ limit: 50 });
    expect(resources({ PidsLimit: -1 })).not.toHaveProperty("pids");
    expect(resources({ PidsLimit: 0 })).not.toHaveProperty("pids");
  });

  test("block devices", () => {
    expect(
      resources({
        BlkioWeight: 500,
        BlkioWeightDevice: [{ Path: "/dev/vda", Weight: 300 }],
        BlkioDeviceReadBps: [{ Path: "/dev/vda", Rate: 1048576 }],
        BlkioDeviceWriteIOps: [{ Path: "/dev/vda", Rate: 100 }],
      }).blockIO,
    ).toEqual({
      weight: 500,
      weightDevice: [{ major: 254, minor: 0, weight: 300 }],
      throttleReadBpsDevice: [{ major: 254, minor: 0, rate: 1048576 }],
      throttleWriteIOPSDevice: [{ major: 254, minor: 0, rate: 100 }],
    });
  });

  test("ulimits: the container's win over the daemon's, sorted; no limit is 64 ones in the file", () => {
    const spec = specOf(
      {
        Ulimits: [
          { Name: "nproc", Soft: 5, Hard: 5 },
          { Name: "core", Soft: 0, Hard: -1 },
        ],
      },
      {
        defaultUlimits: [
          { Name: "core", Soft: 9, Hard: 9 },
          { Name: "nofile", Soft: 1000, Hard: 2000 },
        ],
      },
    );
    expect(spec.process.rlimits).toEqual([
      { type: "RLIMIT_CORE", soft: 0, hard: -1 },
      { type: "RLIMIT_NOFILE", soft: 1000, hard: 2000 },
      { type: "RLIMIT_NPROC", soft: 5, hard: 5 },
    ]);
    const text = ociJson({ ...spec.process, env: ['A={"soft":-1,"hard":-1}'] });
    expect(text).toContain('{"type":"RLIMIT_CORE","soft":0,"hard":18446744073709551615}');
    expect(JSON.parse(text).env).toEqual(['A={"soft":-1,"hard":-1}']);
    expect(ociJson({ limit: 2 ** 63, env: ['A={"x":9223372036854776000}'] })).toBe(
      String.raw`{"limit":9223372036854775807,"env":["A={\"x\":9223372036854776000}"]}`,
    );
  });

  test("devices and rules", () => {
    const spec = specOf({
      Devices: [{ PathOnHost: "/dev/vda", PathInContainer: "/dev/disk", CgroupPermissions: "r" }],
      DeviceCgroupRules: ["c 10:* rm", "a *:* rwm"],
    });
    expect(spec.linux.devices).toEqual([
      { path: "/dev/disk", type: "b", major: 254, minor: 0, fileMode: 0o600, uid: 0, gid: 6 },
    ]);
    const rules = spec.linux.resources!.devices as object[];
    expect(rules[0]).toEqual({ allow: false, access: "rwm" });
    expect(rules.slice(-3)).toEqual([
      { allow: true, type: "b", major: 254, minor: 0, access: "r" },
      { allow: true, type: "c", major: 10, access: "rm" },
      { allow: true, type: "a", access: "rwm" },
    ]);
    expect(() => specOf({ DeviceCgroupRules: ["x"] })).toThrow("invalid device cgroup rule format: 'x'");
  });
});

describe("the rest", () => {
  test("terminal, folder, annotations, domain, sysctls, oom score, cgroup parent", () => {
    const spec = specOf(
      {
        Annotations: { a: "b" },
        Sysctls: { "net.ipv4.ip_unprivileged_port_start": "100", "kernel.shmmax": "5" },
        OomScoreAdj: -500,
        CgroupParent: "foo/bar/",
        ConsoleSize: [24, 80],
        ShmSize: 1 << 20,
      },
      { config: { Hostname: "ho", Domainname: "dom.example", WorkingDir: "/work", Tty: true } },
    );
    expect(spec.process).toMatchObject({
      terminal: true,
      consoleSize: { height: 24, width: 80 },
      cwd: "/work",
      oomScoreAdj: -500,
    });
    expect(spec.annotations).toEqual({ a: "b" });
    expect(spec.hostname).toBe("ho");
    expect(spec.linux.sysctl).toEqual({
      "kernel.domainname": "dom.example",
      "net.ipv4.ip_unprivileged_port_start": "100",
      "net.ipv4.ping_group_range": "0 2147483647",
      "kernel.shmmax": "5",
    });
    expect(spec.linux.cgroupsPath).toBe(`/foo/bar/${ID}`);
    expect(mountAt(spec, "/dev/shm")?.options).toContain("size=1048576");
    expect(() => specOf({ CgroupParent: "../x" })).toThrow("invalid cgroup parent");
  });

  test("sysctls that this kernel has not are not set by default", () => {
    expect(specOf({}, { host: specHost({ hasSysctl: () => false }) }).linux.sysctl).toBeUndefined();
  });

  test("a command is needed", () => {
    expect(() => specOf({}, { args: [] })).toThrow("no command specified");
  });
});
