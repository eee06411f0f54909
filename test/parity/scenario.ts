/**
 * A scenario is a list of shell lines that a user could type; each runs on Docker and on Berth, and both answers are compared:
 * stdout, stderr, exit status. Lines may use
 *
 *   docker …                      the same Docker CLI for both engines
 *   api METHOD PATH [JSON]        a raw request; prints the status, the content type and the body with sorted keys
 *   until-ok 'shell condition'    waits (at most 15 s) until the condition holds
 *   on-tty [-i INPUT] COMMAND     runs the command on a terminal of 24 × 80
 *   $P1 … $P5                     host ports that are free
 *   $W                            an empty folder, also the working directory
 */
export interface Scenario {
  name: string;
  /** Shell lines, one step each. */
  steps: string[];
}

/** Scenario from a heading and its lines. */
export function scenario(name: string, ...steps: string[]): Scenario {
  return { name, steps };
}
