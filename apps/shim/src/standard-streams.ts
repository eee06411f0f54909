import { closeQuietly, dup2, O, open } from "@berth/linux";

/** So that whoever waits for the daemon's output to end does not wait for its containers. */
export function standardStreamsToNull(streams: readonly number[]): void {
  const fd = open("/dev/null", O.RDWR);
  for (const target of streams) dup2(fd, target);
  if (fd > 2) closeQuietly(fd);
}
