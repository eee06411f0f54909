import { invalidParameter } from "@berth/base";

/** First descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST = 3;

/**
 * Descriptors of the sockets that systemd passed to this process. `name`: empty or `*` for all, else a descriptor's
 * number or its `FileDescriptorName`. @throws invalid-parameter with dockerd's sentence when there is none.
 */
export function systemdDescriptors(name: string, environment: NodeJS.ProcessEnv = process.env): number[] {
  const count = Number(environment.LISTEN_FDS ?? 0);
  const mine = environment.LISTEN_PID === String(process.pid);
  if (!mine || !Number.isInteger(count) || count < 1) {
    throw invalidParameter(
      "no sockets found via socket activation: make sure the service was started by systemd",
    );
  }
  const all = Array.from({ length: count }, (_, index) => FIRST + index);
  if (name === "" || name === "*") return all;
  const names = (environment.LISTEN_FDNAMES ?? "").split(":");
  const chosen = all.filter((descriptor, index) => String(descriptor) === name || names[index] === name);
  if (chosen.length === 0) {
    throw invalidParameter(
      "failed to find a matching socket activated file descriptor: make sure the service was started by systemd",
    );
  }
  return chosen;
}
