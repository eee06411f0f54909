import { describe, expect, test } from "bun:test";
import { BerthError } from "@berth/base";
import { DEFAULT_CAPABILITIES } from "../capabilities.ts";
import { seccompFor } from "./cache.ts";
import { defaultProfile } from "./default-profile.ts";
import { parseProfile } from "./parse.ts";
import { evaluateProfile, type OciSeccomp, type SeccompProfile } from "./profile.ts";

const context = { capabilities: new Set(DEFAULT_CAPABILITIES), architecture: "amd64", kernel: "6.18.44" };

function actionsOf(profile: OciSeccomp, name: string): string[] {
  return profile.syscalls
    .filter((rule) => rule.names.includes(name))
    .map((rule) => `${rule.action}${rule.errnoRet ?? ""}${rule.args ? " if" : ""}`);
}

describe("the default profile", () => {
  const plain = evaluateProfile(defaultProfile(), context)!;
  const admin = evaluateProfile(defaultProfile(), {
    ...context,
    capabilities: new Set([...DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN"]),
  })!;

  test("what is not known fails as if the kernel did not know it", () => {
    expect(plain).toMatchObject({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 38,
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    });
  });

  test("what Docker forbids without CAP_SYS_ADMIN is forbidden", () => {
    for (const name of [
      "mount",
      "umount2",
      "unshare",
      "setns",
      "bpf",
      "open_tree",
      "move_mount",
      "fsopen",
      "quotactl",
    ]) {
      expect([name, actionsOf(plain, name)]).toEqual([name, ["SCMP_ACT_ERRNO1"]]);
      expect([name, actionsOf(admin, name)]).toEqual([name, ["SCMP_ACT_ALLOW"]]);
    }
    for (const name of ["keyctl", "add_key", "io_uring_setup", "userfaultfd", "kexec_load", "swapon"]) {
      expect([name, actionsOf(admin, name)]).toEqual([name, ["SCMP_ACT_ERRNO1"]]);
    }
  });

  test("clone makes threads and processes, no namespaces; clone3 says that it does not exist", () => {
    expect(actionsOf(plain, "clone")).toEqual(["SCMP_ACT_ALLOW if", ...Array(7).fill("SCMP_ACT_ERRNO1 if")]);
    expect(plain.syscalls.find((rule) => rule.names.includes("clone"))?.args).toEqual([
      { index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" },
    ]);
    expect(actionsOf(plain, "clone3")).toEqual(["SCMP_ACT_ERRNO38"]);
    expect(actionsOf(admin, "clone")).toEqual(["SCMP_ACT_ALLOW"]);
    expect(actionsOf(admin, "clone3")).toEqual(["SCMP_ACT_ALLOW"]);
  });

  test("everyday calls are allowed, each once", () => {
    for (const name of "read write openat execve futex futex_time64 socketpair epoll_wait statx getuid32 chroot ptrace".split(
      " ",
    )) {
      expect([name, actionsOf(plain, name)]).toEqual([name, ["SCMP_ACT_ALLOW"]]);
    }
    for (const profile of [plain, admin]) {
      const unconditional = profile.syscalls
        .filter((rule) => rule.args === undefined)
        .flatMap((rule) => rule.names);
      const doubles = unconditional.filter((name, at) => unconditional.indexOf(name) !== at);
      // The same answer twice is harmless; two answers would be a contradiction.
      for (const name of doubles) expect([name, new Set(actionsOf(profile, name)).size]).toEqual([name, 1]);
    }
  });

  test("dropping chroot's capability takes the call, an old kernel takes ptrace", () => {
    const dropped = evaluateProfile(defaultProfile(), {
      ...context,
      capabilities: new Set(),
      kernel: "4.4.0",
    })!;
    expect(actionsOf(dropped, "chroot")).toEqual(["SCMP_ACT_ERRNO1"]);
    expect(actionsOf(dropped, "ptrace")).toEqual(["SCMP_ACT_ERRNO1"]);
  });

  test("other architectures have their own calls", () => {
    const arm = evaluateProfile(defaultProfile(), { ...context, architecture: "arm64" })!;
    expect(arm.architectures).toEqual(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
    expect(actionsOf(arm, "cacheflush")).toEqual(["SCMP_ACT_ALLOW"]);
    expect(actionsOf(plain, "cacheflush")).toEqual([]);
    const s390 = evaluateProfile(defaultProfile(), { ...context, architecture: "s390x" })!;
    expect(s390.syscalls.find((rule) => rule.names.includes("clone"))?.args?.[0]?.index).toBe(1);
  });
});

describe("profiles of users", () => {
  const rule = (more: object) => ({ names: ["read"], action: "SCMP_ACT_ALLOW", ...more });
  const profile = (...syscalls: object[]) =>
    parseProfile(JSON.stringify({ defaultAction: "SCMP_ACT_ERRNO", syscalls }));
  const applies = (condition: object, changes: Partial<typeof context> = {}) =>
    evaluateProfile(profile(rule(condition)), { ...context, ...changes })!.syscalls.length === 1;

  test("conditions", () => {
    expect(applies({})).toBe(true);
    expect(applies({ includes: { caps: ["CAP_CHOWN"] } })).toBe(true);
    expect(applies({ includes: { caps: ["CAP_CHOWN", "CAP_SYS_ADMIN"] } })).toBe(false);
    expect(applies({ excludes: { caps: ["CAP_SYS_ADMIN", "CAP_CHOWN"] } })).toBe(false);
    expect(applies({ includes: { arches: ["amd64", "x32"] } })).toBe(true);
    expect(applies({ includes: { arches: ["arm64"] } })).toBe(false);
    expect(applies({ excludes: { arches: ["amd64"] } })).toBe(false);
    expect(applies({ includes: { minKernel: "4.8" } })).toBe(true);
    expect(applies({ includes: { minKernel: "6.19" } })).toBe(false);
    expect(applies({ includes: { minKernel: "4.10" } }, { kernel: "4.9.1" })).toBe(false);
    expect(applies({ excludes: { minKernel: "4.8" } })).toBe(false);
    expect(applies({ includes: {}, excludes: {}, args: null, comment: "" })).toBe(true);
  });

  test("conditions, comments and unknown fields do not reach the OCI runtime", () => {
    const full = profile(
      rule({
        includes: { caps: ["CAP_CHOWN"] },
        comment: "x",
        errno: "EPERM",
        errnoRet: 1,
        args: [{ index: 0, value: 4294967295, op: "SCMP_CMP_EQ" }],
      }),
    );
    expect(evaluateProfile(full, context)).toEqual({
      defaultAction: "SCMP_ACT_ERRNO",
      syscalls: [
        {
          names: ["read"],
          action: "SCMP_ACT_ALLOW",
          errnoRet: 1,
          args: [{ index: 0, value: 4294967295, op: "SCMP_CMP_EQ" }],
        },
      ],
    });
  });

  test("the old form with one name, and an empty profile", () => {
    expect(profile({ name: "read", action: "SCMP_ACT_ALLOW" }).syscalls[0]?.names).toEqual(["read"]);
    expect(() => profile({ name: "read", names: ["write"], action: "x" })).toThrow(
      "'name' and 'names' were specified",
    );
    expect(evaluateProfile(parseProfile("{}"), context)).toBeUndefined();
    expect(() => parseProfile('{"architectures":["a"],"archMap":[{"architecture":"b"}]}')).toThrow(
      "'architectures' and 'archMap'",
    );
  });

  test("equal questions get the same object", () => {
    const text = JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [] });
    const ask = (caps: string[]) => seccompFor(text, caps, "amd64", "6.18");
    expect(ask(["CAP_CHOWN", "CAP_KILL"])).toBe(ask(["CAP_KILL", "CAP_CHOWN"])!);
    expect(ask(["CAP_CHOWN"])).not.toBe(ask(["CAP_KILL"])!);
    for (let count = 0; count < 200; count++) ask([`CAP_${count}`]);
    expect(ask(["CAP_CHOWN"])).toEqual({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [] });
  });

  test("texts that are no profile get an error of their kind", () => {
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      "3",
      '{"syscalls":3}',
      '{"syscalls":[null]}',
      '{"syscalls":[{}]}',
      '{"defaultAction":3}',
      '{"syscalls":[{"names":[1],"action":"x"}]}',
      '{"syscalls":[{"action":"x","args":[{}]}]}',
      '{"syscalls":[{"action":"x","includes":{"minKernel":"x"}}]}',
      '{"defaultErrnoRet":-1}',
      '{"defaultErrnoRet":1e400}',
    ]) {
      expect(() => parseProfile(text)).toThrow("Decoding seccomp profile failed: ");
    }
  });

  test("mutilated profiles never give anything but a profile or a BerthError", () => {
    const source = JSON.stringify({
      ...defaultProfile(),
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
    } satisfies SeccompProfile);
    let seed = 3;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >> 8) % below;
    };
    const pieces = ["null", "{}", "[]", "-1", '"', ",", ":", "1e99", "\\u0000", "["];
    for (let round = 0; round < 1500; round++) {
      let text = source;
      for (let cut = random(3); cut >= 0; cut--) {
        const at = random(text.length);
        text = text.slice(0, at) + pieces[random(pieces.length)] + text.slice(at + random(12));
      }
      try {
        evaluateProfile(parseProfile(text), context);
      } catch (error) {
        if (!(error instanceof BerthError)) throw error;
      }
    }
  });
});
