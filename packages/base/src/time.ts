/** RFC 3339 with nanoseconds in UTC, as Go prints it (`2006-01-02T15:04:05.999999999Z`), from nanoseconds since 1970. */
export function rfc3339Nano(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const rest = nanoseconds % 1_000_000_000n;
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const fraction = rest === 0n ? "" : `.${rest.toString().padStart(9, "0").replace(/0+$/, "")}`;
  return `${date}${fraction}Z`;
}

let offset = 0n;

/**
 * Nanoseconds since 1970, never going back by less than a clock step: the monotonic clock gives the digits,
 * the wall clock (which has milliseconds only) is followed when it was set.
 */
export function nowNanoseconds(): bigint {
  const monotonic = BigInt(Math.floor(Bun.nanoseconds()));
  const wall = BigInt(Date.now()) * 1_000_000n;
  const difference = monotonic + offset - wall;
  if (difference > 2_000_000n || difference < -2_000_000n) offset = wall - monotonic;
  return monotonic + offset;
}

/** Go's zero time: the value of a time that never was. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";
