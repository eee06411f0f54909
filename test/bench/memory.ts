/** Memory of processes as the kernel accounts for it (proc(5), smaps_rollup). */
import { readFileSync } from "node:fs";

/** Bytes, summed over processes. */
export interface Memory {
  /** Pages that only one process has and that were written: what disappears when it ends. */
  privateDirty: number;
  /** With clean private pages: parts of an executable that only this process has mapped. */
  private: number;
  /** Proportional set size: shared pages divided among those who share them. */
  proportional: number;
}

export function memoryOf(pids: readonly number[]): Memory {
  const total: Memory = { privateDirty: 0, private: 0, proportional: 0 };
  for (const pid of pids) {
    let rollup: string;
    try {
      rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    } catch {
      continue;
    }
    const bytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0) * 1024;
    const dirty = bytes("Private_Dirty") + bytes("Private_Hugetlb");
    total.privateDirty += dirty;
    total.private += dirty + bytes("Private_Clean");
    total.proportional += bytes("Pss");
  }
  return total;
}

export function subtract(a: Memory, b: Memory, divisor = 1): Memory {
  return {
    privateDirty: (a.privateDirty - b.privateDirty) / divisor,
    private: (a.private - b.private) / divisor,
    proportional: (a.proportional - b.proportional) / divisor,
  };
}
