/* Program of compile.test.ts: puts itself under the default profile, tries calls, prints their errors as a line of JSON. */
import { errno, errnoName, libc, Memory, PR, prctl } from "@berth/linux";
import { seccompFor } from "../seccomp/cache.ts";
import { compileProfile } from "../seccomp/compile.ts";

const capabilities = JSON.parse(process.argv[2] as string) as string[];
const program = compileProfile(seccompFor(undefined, capabilities, "amd64", "6.18")!)!;
const code = new Memory(program.length);
code.bytes.set(program);
const fprog = new Memory(16);
fprog.setU16(0, program.length / 8);
fprog.setU64(8, code.address);
prctl(PR.SET_NO_NEW_PRIVS, 1);
const PR_SET_SECCOMP = 22;
prctl(PR_SET_SECCOMP, 2, fprog.address);

const call = (number: number, ...args: number[]) => {
  const [a = 0, b = 0, c = 0, d = 0] = args;
  return libc().syscall(number, a, b, c, d, 0, 0) >= 0 ? "ok" : errnoName(errno());
};
const NEWUSER = 0x10000000;
console.log(
  JSON.stringify({
    getpid: call(39),
    unshare: call(272, 0x20000),
    // With flags that no kernel takes together, so that an allowed call makes nothing.
    clone: call(56, NEWUSER | 0x200, 0, 0),
    cloneThread: call(56, 0x10000, 0, 0),
    clone3: call(435, 0, 0),
    keyctl: call(250, 9999),
    ioUring: call(425, 0, 0),
    vsock: call(41, 40, 1, 0),
    unix: call(41, 1, 1, 0),
    personality: call(135, 0xffffffff),
    strangePersonality: call(135, 0x40000),
    mount: call(165, 0, 0, 0, 0),
    chroot: call(161, 0),
    unknown: call(5000),
    futexWake: call(202, fprog.address as number, 129, 1),
  }),
);
process.exit(0);
