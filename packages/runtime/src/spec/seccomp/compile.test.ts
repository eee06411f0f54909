import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DEFAULT_CAPABILITIES } from "../capabilities.ts";
import { seccompFor } from "./cache.ts";
import { compileProfile } from "./compile.ts";

/** What the kernel says to calls under the compiled default profile. */
async function underProfile(capabilities: readonly string[]): Promise<Record<string, string>> {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "../testing/seccomp-child.ts"), JSON.stringify(capabilities)],
    { stdout: "pipe", stderr: "inherit" },
  );
  return JSON.parse(await new Response(child.stdout).text());
}

// The call numbers are those of x86-64.
describe.if(process.arch === "x64")("the compiled default profile, asked by calls", () => {
  test("for a plain container", async () => {
    expect(await underProfile(DEFAULT_CAPABILITIES)).toMatchObject({
      getpid: "ok",
      unshare: "EPERM",
      clone: "EPERM",
      cloneThread: "EINVAL",
      clone3: "ENOSYS",
      keyctl: "EPERM",
      ioUring: "EPERM",
      vsock: "EPERM",
      unix: "ok",
      personality: "ok",
      strangePersonality: "EPERM",
      mount: "EPERM",
      chroot: "EFAULT",
      unknown: "ENOSYS",
      futexWake: "ok",
    });
  });

  test("with CAP_SYS_ADMIN and without CAP_SYS_CHROOT", async () => {
    const capabilities = DEFAULT_CAPABILITIES.filter((name) => name !== "CAP_SYS_CHROOT");
    expect(await underProfile([...capabilities, "CAP_SYS_ADMIN"])).toMatchObject({
      unshare: "ok",
      clone: "EINVAL",
      clone3: "EINVAL",
      mount: "EFAULT",
      chroot: "EPERM",
      keyctl: "EPERM",
      unknown: "ENOSYS",
    });
  });
});

test("profiles that only the OCI runtime can carry out are left to it", () => {
  const base = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [] };
  expect(compileProfile(base)).toBeInstanceOf(Uint8Array);
  expect(compileProfile({ ...base, flags: ["SECCOMP_FILTER_FLAG_LOG"] })).toBeUndefined();
  expect(compileProfile({ ...base, listenerPath: "/x" })).toBeUndefined();
  expect(compileProfile({ ...base, defaultAction: "SCMP_ACT_NOTIFY" })).toBeUndefined();
  expect(compileProfile({ ...base, architectures: ["SCMP_ARCH_NOPE"] })).toBeUndefined();
  const rule = { names: ["read"], action: "SCMP_ACT_ERRNO" };
  expect(
    compileProfile({ ...base, syscalls: [{ ...rule, args: [{ index: 0, value: 1, op: "NOPE" }] }] }),
  ).toBeUndefined();
  expect(
    compileProfile({ ...base, syscalls: [{ ...rule, args: [{ index: 6, value: 1, op: "SCMP_CMP_EQ" }] }] }),
  ).toBeUndefined();
});

test("several conditions on one argument are alternatives, on different arguments they add up", () => {
  const size = (args: { index: number; value: number; op: string }[]) =>
    compileProfile({
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["socket"], action: "SCMP_ACT_ERRNO", args }],
    })!.length;
  const one = { index: 0, value: 1, op: "SCMP_CMP_EQ" };
  expect(size([one, { ...one, value: 2 }])).toBeGreaterThan(size([one]));
  expect(size([one, { ...one, index: 1 }])).toBeGreaterThan(size([one]));
});

test("a program fits into what the kernel takes", () => {
  const program = compileProfile(seccompFor(undefined, [], "amd64", "6.18")!)!;
  expect(program.length % 8).toBe(0);
  expect(program.length / 8).toBeLessThan(4096);
});
