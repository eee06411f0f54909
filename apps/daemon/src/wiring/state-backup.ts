import { log } from "@berth/base";
import type { State } from "@berth/state";

const HOUR = 60 * 60 * 1000;

/**
 * Keeps `state.db.backup` not older than an hour, and up to date when the daemon ends: what a user recovers from when the
 * file is damaged. Dispose it before the state is closed.
 */
export function keepBackup(state: Pick<State, "backup">): Disposable {
  const backup = () => {
    try {
      state.backup();
    } catch (error) {
      log.warn("the state could not be backed up", { error });
    }
  };
  const timer = setInterval(backup, HOUR);
  timer.unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      backup();
    },
  };
}
