import { invalidParameter } from "@berth/base";
import { closeQuietly, O, open, writeAll } from "@berth/linux";

/**
 * Writes a sysctl of the network namespace of this thread. `key` as in sysctl(8): `net.ipv4.ip_forward`, with `/` where an
 * interface's name holds a dot.
 * @throws invalid-parameter for keys that are not below `net.`; SyscallError when it does not exist or the value is refused.
 */
export function writeSysctl(key: string, value: string): void {
  if (!/^net[./][\w./-]+$/.test(key) || key.includes("..")) {
    throw invalidParameter(`sysctl ${JSON.stringify(key)} is not of the network namespace`);
  }
  const slash = key.indexOf("/");
  const dot = key.indexOf(".");
  // As sysctl(8): when the first separator is a slash, dots are dots of names.
  const path =
    slash >= 0 && (dot < 0 || slash < dot) ? key : key.replace(/[./]/g, (c) => (c === "." ? "/" : "."));
  const fd = open(`/proc/sys/${path}`, O.WRONLY);
  try {
    writeAll(fd, new TextEncoder().encode(value));
  } finally {
    closeQuietly(fd);
  }
}
