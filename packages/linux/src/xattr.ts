import { cPath } from "./cstring.ts";
import { Errno, failure, type SyscallError } from "./errno.ts";
import { addressOf, errno, libc, Memory } from "./libc.ts";
import { decodeName, type Path } from "./name.ts";

/*
 * Extended attributes. A target is a path or an open descriptor (not an `O.PATH` one). Paths are not followed when their
 * last part is a symbolic link: whoever wants that opens the file first.
 */
export type AttributeTarget = Path | number;

/** Largest value and list of names that the kernel knows (XATTR_SIZE_MAX, XATTR_LIST_MAX). */
const MAX = 65536;
let memory: Memory | undefined;

function problem(call: string, target: AttributeTarget): SyscallError {
  return failure(call, typeof target === "number" ? undefined : target);
}

/** The value; undefined when there is no such attribute, or the file system has none. @throws SyscallError */
export function getXattr(target: AttributeTarget, name: Path): Uint8Array | undefined {
  memory ??= new Memory(MAX);
  const key = cPath(name, "getxattr", 1);
  const length =
    typeof target === "number"
      ? libc().fgetxattr(target, key, memory.address, MAX)
      : libc().lgetxattr(cPath(target, "getxattr"), key, memory.address, MAX);
  if (length >= 0) return memory.bytes.slice(0, length);
  const code = errno();
  if (code === Errno.ENODATA || code === Errno.EOPNOTSUPP) return undefined;
  throw problem("getxattr", target);
}

/** Sets an attribute. `flags`: 1 it must be new, 2 it must exist. @throws SyscallError EOPNOTSUPP, EPERM, … */
export function setXattr(target: AttributeTarget, name: Path, value: Uint8Array, flags = 0): void {
  const key = cPath(name, "setxattr", 1);
  const data = addressOf(value, 0, value.byteLength);
  const result =
    typeof target === "number"
      ? libc().fsetxattr(target, key, data, value.byteLength, flags)
      : libc().lsetxattr(cPath(target, "setxattr"), key, data, value.byteLength, flags);
  if (result < 0) throw problem("setxattr", target);
}

/** The names; none when the file system has no attributes. @throws SyscallError */
export function listXattrs(target: AttributeTarget): string[] {
  memory ??= new Memory(MAX);
  const length =
    typeof target === "number"
      ? libc().flistxattr(target, memory.address, MAX)
      : libc().llistxattr(cPath(target, "listxattr"), memory.address, MAX);
  if (length < 0) {
    if (errno() === Errno.EOPNOTSUPP) return [];
    throw problem("listxattr", target);
  }
  const names: string[] = [];
  for (let at = 0; at < length; ) {
    const end = memory.bytes.indexOf(0, at);
    names.push(decodeName(memory.bytes.subarray(at, end)));
    at = end + 1;
  }
  return names;
}

/** Removes an attribute; false when there was none. @throws SyscallError */
export function removeXattr(target: AttributeTarget, name: Path): boolean {
  const key = cPath(name, "removexattr", 1);
  const result =
    typeof target === "number"
      ? libc().fremovexattr(target, key)
      : libc().lremovexattr(cPath(target, "removexattr"), key);
  if (result === 0) return true;
  const code = errno();
  if (code === Errno.ENODATA || code === Errno.EOPNOTSUPP) return false;
  throw problem("removexattr", target);
}
