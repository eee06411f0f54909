import type { RestartPolicy } from "@berth/api";

const FIRST_DELAY = 100;
const LONGEST_DELAY = 60_000;
/** A container that ran this long before it ended is taken as sound: the waits begin anew. */
const SOUND_AFTER = 10_000;

export interface ExitFacts {
  exitCode: number;
  /** How often the policy has started it since a person did. */
  restartCount: number;
  /** A person stopped or killed it. */
  manuallyStopped: boolean;
}

/** Whether a container that ended is started again. */
export function shouldRestart(policy: RestartPolicy, exit: ExitFacts): boolean {
  switch (policy.Name) {
    case "always":
      return true;
    case "unless-stopped":
      return !exit.manuallyStopped;
    case "on-failure":
      if (exit.exitCode === 0) return false;
      return policy.MaximumRetryCount === 0 || exit.restartCount < policy.MaximumRetryCount;
    default:
      return false;
  }
}

/** Whether a container is started with the daemon, after the host came up again or the daemon was stopped with it. */
export function startsWithDaemon(policy: RestartPolicy, exit: ExitFacts): boolean {
  switch (policy.Name) {
    case "always":
      return true;
    case "unless-stopped":
      return !exit.manuallyStopped;
    case "on-failure":
      return shouldRestart(policy, exit) && !exit.manuallyStopped;
    default:
      return false;
  }
}

/** Milliseconds to wait: 100, doubling up to a minute. `previous`: the last wait, 0 before the first; `ranFor` in milliseconds. */
export function nextDelay(previous: number, ranFor: number): number {
  if (previous === 0 || ranFor >= SOUND_AFTER) return FIRST_DELAY;
  return Math.min(previous * 2, LONGEST_DELAY);
}
