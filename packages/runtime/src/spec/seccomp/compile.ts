import { compileSeccomp, SECCOMP_OP, type SeccompFilterRule } from "@berth/linux";
import type { OciSeccomp, OciSyscallRule, SyscallArgument } from "./profile.ts";

/** SECCOMP_RET_* of the kernel (include/uapi/linux/seccomp.h). */
const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};
const EPERM = 1;

/** Undefined for an action that only the OCI runtime can do (notify) or nobody knows. */
function actionNumber(action: string, errno: number | undefined): number | undefined {
  const base = ACTIONS[action];
  if (base === undefined) return undefined;
  const withData = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
  return withData ? base + ((errno ?? EPERM) & 0xffff) : base;
}

/**
 * The profile as a program for the kernel, that crun takes as it is: compiling takes it (through libseccomp) 15 to 20 ms at
 * every start, more than all else it does. Undefined when it cannot be compiled here; the OCI runtime then does it, or says why not.
 */
export function compileProfile(profile: OciSeccomp): Uint8Array | undefined {
  if (profile.flags?.length || profile.listenerPath) return undefined;
  const defaultAction = actionNumber(profile.defaultAction, profile.defaultErrnoRet);
  if (defaultAction === undefined) return undefined;
  const rules: SeccompFilterRule[] = [];
  for (const rule of profile.syscalls) {
    const action = actionNumber(rule.action, rule.errnoRet);
    if (action === undefined) return undefined;
    // libseccomp refuses rules that say what holds anyway.
    if (action === defaultAction) continue;
    const alternatives = conditionsOf(rule);
    if (alternatives === undefined) return undefined;
    for (const conditions of alternatives) rules.push({ names: rule.names, action, conditions });
  }
  const architectures = (profile.architectures ?? []).map((name) =>
    name.replace(/^SCMP_ARCH_/, "").toLowerCase(),
  );
  try {
    return compileSeccomp({ defaultAction, architectures, rules });
  } catch {
    return undefined;
  }
}

type Conditions = SeccompFilterRule["conditions"];

/** As the OCI runtimes read them: conditions on different arguments must all hold, several on one argument are alternatives. */
function conditionsOf({ args = [] }: OciSyscallRule): Conditions[] | undefined {
  const all = args.map(conditionOf);
  if (all.some((condition) => condition === undefined)) return undefined;
  const conditions = all as Conditions;
  const distinct = new Set(conditions.map((condition) => condition.argument)).size === conditions.length;
  return distinct ? [conditions] : conditions.map((condition) => [condition]);
}

function conditionOf({ index, value, valueTwo = 0, op }: SyscallArgument): Conditions[number] | undefined {
  const name = op.replace(/^SCMP_CMP_/, "");
  if (index > 5 || !Object.hasOwn(SECCOMP_OP, name)) return undefined;
  return { argument: index, op: SECCOMP_OP[name as keyof typeof SECCOMP_OP], value, second: valueTwo };
}
