/** OCI runtime-spec, config-linux.md, "Seccomp". */
export interface OciSeccomp {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[];
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls: OciSyscallRule[];
}

export interface OciSyscallRule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: SyscallArgument[];
}

export interface SyscallArgument {
  index: number;
  value: number;
  valueTwo?: number;
  op: string;
}

/** A profile as Docker reads it: OCI's, and conditions by capability, architecture and kernel. */
export interface SeccompProfile extends Omit<OciSeccomp, "syscalls"> {
  archMap?: { architecture: string; subArchitectures: string[] }[];
  syscalls: SyscallRule[];
}

export interface SyscallRule extends OciSyscallRule {
  includes?: Condition;
  excludes?: Condition;
}

export interface Condition {
  caps?: string[];
  arches?: string[];
  /** `4.8`. */
  minKernel?: string;
}

/** What the conditions of a profile are asked about. */
export interface SeccompContext {
  capabilities: ReadonlySet<string>;
  /** Go's name. */
  architecture: string;
  kernel: string;
}

/** libseccomp's name of an architecture by Go's. */
const NATIVE: Readonly<Record<string, string>> = {
  amd64: "SCMP_ARCH_X86_64",
  arm64: "SCMP_ARCH_AARCH64",
  riscv64: "SCMP_ARCH_RISCV64",
  ppc64le: "SCMP_ARCH_PPC64LE",
  s390x: "SCMP_ARCH_S390X",
  loong64: "SCMP_ARCH_LOONGARCH64",
};

/** The plain OCI profile for one container; undefined for a profile that filters nothing. */
export function evaluateProfile(profile: SeccompProfile, context: SeccompContext): OciSeccomp | undefined {
  if (profile.defaultAction === "" && profile.syscalls.length === 0) return undefined;
  const { archMap, syscalls, ...rest } = profile;
  const native = NATIVE[context.architecture];
  const family = archMap?.find((entry) => entry.architecture === native);
  const architectures =
    family === undefined ? rest.architectures : [family.architecture, ...family.subArchitectures];
  return {
    ...rest,
    ...(architectures === undefined ? {} : { architectures }),
    syscalls: syscalls
      .filter((rule) => applies(rule, context))
      .map(({ includes: _, excludes: __, ...rule }) => rule),
  };
}

/** Any one of the excludes is enough to leave a rule out; all of the includes must be met (as in Docker). */
function applies({ includes = {}, excludes = {} }: SyscallRule, context: SeccompContext): boolean {
  if (excludes.arches?.includes(context.architecture)) return false;
  if (excludes.caps?.some((name) => context.capabilities.has(name))) return false;
  if (excludes.minKernel !== undefined && isKernelAtLeast(context.kernel, excludes.minKernel)) return false;
  if (includes.arches?.length && !includes.arches.includes(context.architecture)) return false;
  if (includes.caps?.length && !includes.caps.every((name) => context.capabilities.has(name))) return false;
  return includes.minKernel === undefined || isKernelAtLeast(context.kernel, includes.minKernel);
}

function isKernelAtLeast(release: string, minimum: string): boolean {
  const numbers = (text: string) => (/^(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number);
  const [major = 0, minor = 0] = numbers(release);
  const [wantedMajor = 0, wantedMinor = 0] = numbers(minimum);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
