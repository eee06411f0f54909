import { checked, libc, Memory } from "@berth/linux";

const GETRANDOM = process.arch === "arm64" ? 278 : 318;
let memory: Memory | undefined;

/**
 * A random number of 16 bits from the kernel. Not from the engine's generator: shims are forks of one process, and share
 * whatever entropy that has in store.
 */
export function random16(): number {
  memory ??= new Memory(16);
  checked(libc().syscall(GETRANDOM, memory.address, 2, 0, 0, 0, 0), "getrandom");
  return memory.getU16(0);
}
