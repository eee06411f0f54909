import { dlopen, type Pointer } from "bun:ffi";
import { SyscallError } from "./errno.ts";
import { close, lseek, readFull, SEEK } from "./io.ts";
import { libc, Memory } from "./libc.ts";

/** A filter in the terms of libseccomp: actions as the kernel's numbers. */
export interface SeccompFilter {
  defaultAction: number;
  /** libseccomp's names, such as `x86_64`, `x86`, `x32`; the native one is always there. */
  architectures: readonly string[];
  rules: readonly SeccompFilterRule[];
}

export interface SeccompFilterRule {
  /** Names that libseccomp does not know are left out: the default action holds for them. */
  names: readonly string[];
  action: number;
  /** All must be true. */
  conditions: readonly SeccompCondition[];
}

export interface SeccompCondition {
  /** 0..5 */
  argument: number;
  /** A `SECCOMP_OP`. */
  op: number;
  /** The mask, for `MASKED_EQ`. */
  value: number;
  second: number;
}

/** Comparisons, as libseccomp numbers them. */
export const SECCOMP_OP = { NE: 1, LT: 2, LE: 3, EQ: 4, GE: 5, GT: 6, MASKED_EQ: 7 } as const;

function load() {
  return dlopen("libseccomp.so.2", {
    seccomp_init: { args: ["u32"], returns: "ptr" },
    seccomp_release: { args: ["ptr"], returns: "void" },
    seccomp_attr_set: { args: ["ptr", "i32", "u32"], returns: "i32" },
    seccomp_arch_resolve_name: { args: ["ptr"], returns: "u32" },
    seccomp_arch_add: { args: ["ptr", "u32"], returns: "i32" },
    seccomp_syscall_resolve_name: { args: ["ptr"], returns: "i32" },
    seccomp_rule_add_array: { args: ["ptr", "u32", "i32", "u32", "ptr"], returns: "i32" },
    seccomp_export_bpf: { args: ["ptr", "i32"], returns: "i32" },
  }).symbols;
}

let library: ReturnType<typeof load> | null | undefined;

/** Undefined on a host without the library. */
function libseccomp(): ReturnType<typeof load> | undefined {
  if (library === undefined) {
    try {
      library = load();
    } catch {
      library = null;
    }
  }
  return library ?? undefined;
}

const EEXIST = 17;
const UNKNOWN_SYSCALL = -1;
/** SCMP_FLTATR_CTL_OPTIMIZE; 2: a binary tree, so that a call is judged in a dozen steps instead of hundreds. */
const ATTRIBUTE_OPTIMIZE = 8;
const BINARY_TREE = 2;
const CONDITION_SIZE = 24;
const MAX_CONDITIONS = 6;
/** BPF_MAXINSNS of eight bytes each: the kernel takes no more. */
const MAX_PROGRAM = 4096 * 8;
const SYS_MEMFD_CREATE = process.arch === "arm64" ? 279 : 319;
const MFD_CLOEXEC = 1;

function checked(code: number): void {
  if (code < 0) throw new SyscallError("seccomp", -code);
}

const text = (name: string) => new TextEncoder().encode(`${name}\0`);

/**
 * The BPF program of a filter, for this machine's architecture and those named; takes some ten milliseconds.
 * Undefined when the library, or an architecture in it, is not there, or the program is too long for the kernel.
 * @throws SyscallError when libseccomp refuses a rule
 */
export function compileSeccomp(filter: SeccompFilter): Uint8Array | undefined {
  const lib = libseccomp();
  if (lib === undefined) return undefined;
  const context = lib.seccomp_init(filter.defaultAction);
  if (context === null) return undefined;
  try {
    // Older libraries have no optimisation to set.
    lib.seccomp_attr_set(context, ATTRIBUTE_OPTIMIZE, BINARY_TREE);
    for (const architecture of filter.architectures) {
      const token = lib.seccomp_arch_resolve_name(text(architecture));
      if (token === 0) return undefined;
      const code = lib.seccomp_arch_add(context, token);
      if (code !== -EEXIST) checked(code);
    }
    const conditions = new Memory(CONDITION_SIZE * MAX_CONDITIONS);
    for (const rule of filter.rules) {
      writeConditions(conditions, rule.conditions);
      for (const name of rule.names) {
        const number = lib.seccomp_syscall_resolve_name(text(name));
        if (number === UNKNOWN_SYSCALL) continue;
        const count = rule.conditions.length;
        const code = lib.seccomp_rule_add_array(
          context,
          rule.action,
          number,
          count,
          count === 0 ? null : conditions.address,
        );
        if (code !== -EEXIST) checked(code);
      }
    }
    return exportProgram(context as Pointer);
  } finally {
    lib.seccomp_release(context);
  }
}

/** struct scmp_arg_cmp: argument, comparison, two 64-bit values. */
function writeConditions(memory: Memory, conditions: readonly SeccompCondition[]): void {
  if (conditions.length > MAX_CONDITIONS)
    throw new RangeError("a rule has more conditions than a call has arguments");
  conditions.forEach((condition, index) => {
    const at = index * CONDITION_SIZE;
    memory.setU32(at, condition.argument);
    memory.setU32(at + 4, condition.op);
    memory.setU64(at + 8, condition.value);
    memory.setU64(at + 16, condition.second);
  });
}

function exportProgram(context: Pointer): Uint8Array | undefined {
  const fd = libc().syscall(SYS_MEMFD_CREATE, addressOfName(), MFD_CLOEXEC, 0, 0, 0, 0);
  if (fd < 0) return undefined;
  try {
    checked((library as ReturnType<typeof load>).seccomp_export_bpf(context, fd));
    const size = lseek(fd, 0, SEEK.END);
    if (size === 0 || size > MAX_PROGRAM) return undefined;
    lseek(fd, 0, SEEK.SET);
    const program = new Uint8Array(size);
    return readFull(fd, program) === size ? program : undefined;
  } finally {
    close(fd);
  }
}

let name: Memory | undefined;

function addressOfName(): Pointer {
  name ??= new Memory(8);
  name.bytes.set(text("bpf"));
  return name.address;
}
