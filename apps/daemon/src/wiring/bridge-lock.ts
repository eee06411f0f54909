import { conflict } from "@berth/base";
import { AF, bind, closeQuietly, isErrno, SOCK, socket } from "@berth/linux";

/**
 * Makes sure that only one daemon of this network namespace uses the default bridge of that name: each takes what hangs on it for its
 * own, and removes what it does not know. An abstract socket (unix(7)) is the lock: there is one set of them for each network
 * namespace, and the kernel frees it however the process ends. @throws conflict
 */
export function lockBridge(name: string): Disposable {
  const fd = socket(AF.UNIX, SOCK.STREAM);
  try {
    bind(fd, { family: "unix", path: `\0berth/bridge/${name}` });
  } catch (error) {
    closeQuietly(fd);
    if (!isErrno(error, "EADDRINUSE")) throw error;
    throw conflict(`the bridge ${name} is in use by another daemon`, {
      hint: "Stop that daemon, or give this one its own --bridge, --bip and --default-address-pool.",
      cause: error,
    });
  }
  return { [Symbol.dispose]: () => closeQuietly(fd) };
}
