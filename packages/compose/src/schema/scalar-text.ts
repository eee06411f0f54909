/** A scalar as Go prints it with `%v`. */
export function scalarText(value: unknown): string {
  return typeof value === "number" ? numberText(value) : String(value);
}

/** Go's shortest form of a float: an exponent of at least two digits, below 1e-4 and from 1e21. */
export function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  if (value !== 0 && Math.abs(value) < 1e-4) {
    return value.toExponential().replace(/e-(\d)$/, "e-0$1");
  }
  return String(value);
}
