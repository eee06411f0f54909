import type { Pointer } from "bun:ffi";
import { Errno, SyscallError } from "./errno.ts";
import { Memory } from "./libc.ts";
import { encodeName, nameForPeople, type Path, writeName } from "./name.ts";

const PATH_MAX = 4096;
const SLOT = PATH_MAX + 8;

/** Longer names are encoded faster by the engine. */
const SHORT = 128;

let slots: Memory | undefined;

/**
 * NUL-terminated copy of `path` in one of the four fixed places; valid until the same slot is written again.
 * @throws SyscallError EINVAL for a NUL byte within, ENAMETOOLONG for more than PATH_MAX.
 */
export function cPath(path: Path, syscall: string, slot = 0): Pointer {
  slots ??= new Memory(SLOT * 4);
  const start = slot * SLOT;
  if (typeof path === "string" && path.length <= SHORT && writeAscii(path, slots.bytes, start)) {
    return slots.at(start);
  }
  const length = writeName(path, slots.bytes, start, PATH_MAX - 1);
  if (length < 0) throw new SyscallError(syscall, Errno.ENAMETOOLONG, nameForPeople(path));
  const end = start + length;
  const nul = typeof path === "string" ? path.includes("\0") : path.includes(0);
  if (nul) throw new SyscallError(syscall, Errno.EINVAL, nameForPeople(path));
  slots.bytes[end] = 0;
  return slots.at(start);
}

/** Nearly all names are short and ASCII; false, and nothing that counts is written, for any other. */
function writeAscii(text: string, target: Uint8Array, start: number): boolean {
  const length = text.length;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0 || code >= 0x80) return false;
    target[start + at] = code;
  }
  target[start + length] = 0;
  return true;
}

/** NUL-terminated bytes of any length, for argument lists. @throws SyscallError EINVAL for a NUL within. */
export function cString(text: Path, syscall: string): Uint8Array {
  const bytes = typeof text === "string" ? encodeName(text) : text;
  if (bytes.includes(0)) throw new SyscallError(syscall, Errno.EINVAL, nameForPeople(text));
  const result = new Uint8Array(bytes.length + 1);
  result.set(bytes);
  return result;
}
