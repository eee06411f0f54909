import { invalidParameter } from "@berth/base";

const NAMES =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(
    " ",
  );
const NUMBERS = new Map(NAMES.map((name, index) => [name, index + 1]));
for (const [alias, name] of [
  ["IOT", "ABRT"],
  ["CLD", "CHLD"],
  ["POLL", "IO"],
  ["UNUSED", "SYS"],
] as const) {
  NUMBERS.set(alias, NUMBERS.get(name)!);
}
const RTMIN = 34;
const RTMAX = 64;
NUMBERS.set("RTMIN", RTMIN);
NUMBERS.set("RTMAX", RTMAX);
for (let offset = 1; offset <= 15; offset++) NUMBERS.set(`RTMIN+${offset}`, RTMIN + offset);
for (let offset = 1; offset <= 14; offset++) NUMBERS.set(`RTMAX-${offset}`, RTMAX - offset);

export const SIGKILL = 9;
export const SIGTERM = 15;

/** A signal as a client writes it (`SIGINT`, `int`, `2`) → its number. @throws invalid-parameter `Invalid signal: x`. */
export function parseSignal(text: string): number {
  if (/^[+-]?\d+$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= RTMAX) return number;
    throw invalidParameter(`Invalid signal: ${text}`);
  }
  const number = NUMBERS.get(text.toUpperCase().replace(/^SIG/, ""));
  if (number === undefined) throw invalidParameter(`Invalid signal: ${text}`);
  return number;
}

/** The signal that a stop sends: the container's, else SIGTERM. */
export function stopSignal(configured: string | undefined): number {
  if (!configured) return SIGTERM;
  try {
    return parseSignal(configured);
  } catch {
    // An image may hold anything; Docker too falls back.
    return SIGTERM;
  }
}
