import { closeQuietly } from "./io.ts";
import { AF } from "./sockaddr.ts";
import { bind, listen, SOCK, socket } from "./socket.ts";

/** A listening, non-blocking unix socket at `path`, which must not exist. @throws SyscallError; ENAMETOOLONG beyond 107 bytes. */
export function listenUnix(path: string): number {
  const fd = socket(AF.UNIX, SOCK.STREAM | SOCK.NONBLOCK);
  try {
    bind(fd, { family: "unix", path });
    listen(fd);
    return fd;
  } catch (error) {
    closeQuietly(fd);
    throw error;
  }
}
