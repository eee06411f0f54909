import { log, messageOf } from "@berth/base";

/** After so many requests to stop, the daemon ends without waiting. */
const FORCE_AFTER = 3;

const NAMES = { SIGTERM: "terminated", SIGINT: "interrupt" } as const;

/**
 * Resolves at the first SIGTERM or SIGINT; at the third the process ends at once with status 128 plus the signal's number.
 * SIGHUP runs `reload`; its failure is logged, the old settings stay.
 */
export function stopRequested(reload: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  for (const [signal, number] of [
    ["SIGTERM", 15],
    ["SIGINT", 2],
  ] as const) {
    process.on(signal, () => {
      count++;
      log.info(`Processing signal '${NAMES[signal]}'`);
      if (count >= FORCE_AFTER) {
        log.error(`Forcing docker daemon shutdown without cleanup; ${count} interrupts received`);
        process.exit(128 + number);
      }
      resolve();
    });
  }
  process.on("SIGHUP", () => {
    log.info("Got signal to reload configuration");
    try {
      reload();
    } catch (error) {
      log.error("Error reconfiguring the daemon", { error: messageOf(error) });
    }
  });
  // A client that closed its end must not end the daemon.
  process.on("SIGPIPE", () => {});
  return promise;
}
