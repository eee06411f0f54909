/** RFC 3339 with nanoseconds in UTC, as Go prints it (`2006-01-02T15:04:05.999999999Z`), from nanoseconds since 1970. */
export function rfc3339Nano(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const rest = nanoseconds % 1_000_000_000n;
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  const fraction = rest === 0n ? "" : `.${rest.toString().padStart(9, "0").replace(/0+$/, "")}`;
  return `${date}${fraction}Z`;
}

/** Nanoseconds since 1970. The wall clock gives milliseconds; the monotonic clock fills the digits below. */
export function nowNanoseconds(): bigint {
  return BigInt(Date.now()) * 1_000_000n + BigInt(Math.floor(Bun.nanoseconds() % 1_000_000));
}

/** Go's zero time: the value of a time that never was. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";
