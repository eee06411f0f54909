import { log, messageOf } from "@berth/base";
import { AF, closeQuietly, SOCK, sendto, socket } from "@berth/linux";

/**
 * Tells systemd the daemon's state (`READY=1`, `STOPPING=1`, `RELOADING=1`; sd_notify(3)). Does nothing without
 * NOTIFY_SOCKET. A failure is only logged: the daemon works without systemd.
 */
export function notifySystemd(state: string, environment: NodeJS.ProcessEnv = process.env): void {
  const path = environment.NOTIFY_SOCKET;
  if (path === undefined || path === "") return;
  let fd = -1;
  try {
    fd = socket(AF.UNIX, SOCK.DGRAM);
    // A leading @ stands for the abstract namespace.
    const message = Buffer.from(state);
    sendto(fd, message, 0, message.length, 0, { family: "unix", path: path.replace(/^@/, "\0") });
  } catch (error) {
    log.warn("systemd could not be notified", { state, error: messageOf(error) });
  } finally {
    closeQuietly(fd);
  }
}
