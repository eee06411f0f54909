import { readFileSync } from "node:fs";

const HANDLERS = "/proc/sys/fs/binfmt_misc";

/** OCI's names of processors, and those of QEMU's handlers. */
const QEMU: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  arm64: "aarch64",
  arm: "arm",
  "386": "i386",
  riscv64: "riscv64",
  ppc64le: "ppc64le",
  s390x: "s390x",
  mips64le: "mips64el",
  mips64: "mips64",
  loong64: "loongarch64",
};

/** Processors whose programs run here: the machine's own, those it knows beside, and those that an emulator is registered for. */
export function runnableArchitectures(native: string): string[] {
  const beside = native === "amd64" ? ["386"] : native === "arm64" ? ["arm"] : [];
  const emulated = Object.keys(QEMU).filter((name) => isEmulated(name));
  return [...new Set([native, ...beside, ...emulated])];
}

/** Whether the kernel hands programs of this processor to an emulator. */
export function isEmulated(architecture: string): boolean {
  try {
    return readFileSync(`${HANDLERS}/qemu-${QEMU[architecture] ?? architecture}`, "utf8").startsWith(
      "enabled",
    );
  } catch {
    return false;
  }
}
