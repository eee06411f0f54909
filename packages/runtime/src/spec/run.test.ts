import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostConfig } from "@berth/api";
import { newId } from "@berth/base";
import { openCgroup } from "@berth/linux";
import { buildSpec } from "./build.ts";
import { readSpecHost } from "./host.ts";
import type { SpecInput } from "./input.ts";
import { ociJson } from "./json.ts";
import { compileProfile } from "./seccomp/compile.ts";
import type { OciSeccomp } from "./seccomp/profile.ts";
import { specInput } from "./testing/fixtures.ts";

/* Specs in front of real OCI runtimes and the real kernel: what the fields are for must come true. */

const folder = mkdtempSync(join(tmpdir(), "berth-spec-"));
const rootfs = join(folder, "rootfs");
const PARENT = `/berth-spec-test-${process.pid}`;
/** `compiled`: the profile goes in as a program, as shims give it to crun. */
const runtimes = [
  { path: "/usr/bin/crun", compiled: false },
  { path: "/usr/bin/crun", compiled: true },
  { path: "/usr/sbin/runc", compiled: false },
].filter(({ path }) => existsSync(path));

beforeAll(() => {
  for (const name of ["bin", "etc", "proc", "dev", "sys", "tmp", "sbin"])
    mkdirSync(join(rootfs, name), { recursive: true });
  copyFileSync("/bin/busybox", join(rootfs, "bin/busybox"));
  symlinkSync("busybox", join(rootfs, "bin/sh"));
  for (const name of ["hosts", "hostname", "resolv.conf"])
    writeFileSync(join(folder, name), `${name} of the test\n`);
});
afterAll(() => {
  openCgroup(PARENT).remove();
  rmSync(folder, { recursive: true, force: true });
});

async function run(
  runtime: (typeof runtimes)[number],
  script: string,
  host: Partial<HostConfig> = {},
  changes: Partial<SpecInput> = {},
): Promise<{ exitCode: number; lines: string[] }> {
  const id = newId();
  const bundle = join(folder, id);
  mkdirSync(bundle);
  const { spec } = buildSpec(
    specInput(host, {
      id,
      host: readSpecHost(),
      args: [
        "/bin/busybox",
        "sh",
        "-c",
        `PATH=/bin; for a in $(busybox --list); do alias $a="busybox $a"; done; ${script}`,
      ],
      files: {
        hosts: join(folder, "hosts"),
        hostname: join(folder, "hostname"),
        resolvConf: join(folder, "resolv.conf"),
      },
      cgroupParent: PARENT,
      ...changes,
    }),
  );
  spec.root.path = rootfs;
  if (runtime.compiled && spec.linux.seccomp !== undefined) {
    const program = compileProfile(spec.linux.seccomp as OciSeccomp)!;
    spec.annotations = { "run.oci.seccomp_bpf_data": Buffer.from(program).toString("base64") };
    delete spec.linux.seccomp;
  }
  spec.process.user = { uid: 0, gid: 0, additionalGids: [0] };
  writeFileSync(join(bundle, "config.json"), ociJson(spec));
  const child = Bun.spawn(
    [
      process.execPath,
      join(import.meta.dir, "testing/run-bundle.ts"),
      runtime.path,
      join(folder, "state"),
      bundle,
      id,
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const [output, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const exitCode = await child.exited;
  return { exitCode, lines: (output + errors).trim().split("\n") };
}

for (const runtime of runtimes) {
  describe(`${runtime.path}${runtime.compiled ? ", compiled profile" : ""}`, () => {
    test("a plain container is as confined as Docker's", async () => {
      const { exitCode, lines } = await run(
        runtime,
        `grep CapEff /proc/self/status; grep Seccomp: /proc/self/status; cat /proc/sys/kernel/hostname;
         touch /sys/x 2>/dev/null || echo sys is read-only; echo 1 2>/dev/null >/proc/sys/kernel/threads-max || echo proc-sys is read-only;
         wc -c </proc/interrupts; unshare -U true 2>&1; unshare -m true 2>&1; mount -t tmpfs x /tmp 2>&1;
         df -k /dev/shm | tail -1 | awk '{print $2}'; cat /etc/hosts; cat /proc/sys/net/ipv4/ip_unprivileged_port_start`,
      );
      expect(lines).toEqual([
        "CapEff:\t00000000a80425fb",
        "Seccomp:\t2",
        "0123456789ab",
        "sys is read-only",
        "proc-sys is read-only",
        "0",
        "unshare: unshare(0x10000000): Operation not permitted",
        "unshare: unshare(0x20000): Operation not permitted",
        "mount: permission denied (are you root?)",
        "65536",
        "hosts of the test",
        "0",
      ]);
      expect(exitCode).toBe(0);
    });

    test("a privileged container has what this host can give", async () => {
      const { exitCode, lines } = await run(
        runtime,
        `grep CapEff /proc/self/status; grep Seccomp: /proc/self/status; ls /dev/null /dev/loop-control; mount -t tmpfs x /tmp && echo mounted;
         unshare -m true && echo unshared; head -c1 /proc/interrupts | wc -c`,
        { Privileged: true },
      );
      const own = /CapBnd:\s+(\S+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
      expect(lines).toEqual([
        `CapEff:\t${own}`,
        "Seccomp:\t0",
        "/dev/loop-control",
        "/dev/null",
        "mounted",
        "unshared",
        "1",
      ]);
      expect(exitCode).toBe(0);
    });

    test("limits are in force", async () => {
      const { exitCode, lines } = await run(
        runtime,
        `ulimit -n; ulimit -c; ulimit -Hc; cat /proc/self/oom_score_adj; df -k /dev/shm | tail -1 | awk '{print $2}'; cat /proc/self/cgroup | grep -c ${PARENT}/;
         c=/sys/fs/cgroup; cat $c/memory/memory.limit_in_bytes $c/memory.max $c/pids/pids.max $c/pids.max $c/cpu/cpu.cfs_quota_us $c/cpu.max 2>/dev/null; true`,
        {
          Memory: 64 << 20,
          PidsLimit: 77,
          NanoCpus: 500_000_000,
          OomScoreAdj: 123,
          ShmSize: 1 << 20,
          Ulimits: [
            { Name: "nofile", Soft: 100, Hard: 200 },
            { Name: "core", Soft: 0, Hard: -1 },
          ],
          CgroupnsMode: "host",
        },
      );
      expect(lines.slice(0, 5)).toEqual(["100", "0", "unlimited", "123", "1024"]);
      expect(Number(lines[5])).toBeGreaterThan(0);
      const cgroups = lines.slice(6).map((line) => line.split(" ")[0]);
      expect(cgroups).toEqual([String(64 << 20), "77", "50000"]);
      expect(exitCode).toBe(0);
    });

    test("mounts, devices, init and no new privileges", async () => {
      mkdirSync(join(folder, "shared/deep"), { recursive: true });
      const { exitCode, lines } = await run(
        runtime,
        `touch /data/made && echo writable; touch /data/ro/x 2>/dev/null || echo read-only; touch /x 2>/dev/null || echo root is read-only;
         mount | grep ' /scratch ' | grep -o 'noexec\\|size=[0-9]*k' | sort; ls -l /dev/zweit | cut -c1-10; echo x >/dev/zweit && echo device works;
         cat /proc/1/comm; grep NoNewPrivs /proc/self/status; touch /scratch/x && echo tmpfs is writable`,
        {
          ReadonlyRootfs: true,
          Init: true,
          SecurityOpt: ["no-new-privileges"],
          Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/zweit", CgroupPermissions: "rw" }],
        },
        {
          mounts: [
            {
              type: "bind",
              source: join(folder, "shared/deep"),
              destination: "/data/ro",
              readOnly: true,
              propagation: "rprivate",
            },
            {
              type: "bind",
              source: join(folder, "shared"),
              destination: "/data",
              readOnly: false,
              propagation: "rprivate",
            },
            { type: "tmpfs", source: "", destination: "/scratch", readOnly: false, options: ["size=1m"] },
          ],
          initPath:
            ["/usr/bin/tini-static", "/usr/bin/docker-init", "/usr/bin/catatonit"].find((path) =>
              existsSync(path),
            ) ?? "",
        },
      );
      expect(lines).toEqual([
        "writable",
        "read-only",
        "root is read-only",
        "noexec",
        "size=1024k",
        "crw-rw-rw-",
        "device works",
        "docker-init",
        "NoNewPrivs:\t1",
        "tmpfs is writable",
      ]);
      expect(exitCode).toBe(0);
    });
  });
}
