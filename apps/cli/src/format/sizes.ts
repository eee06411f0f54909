const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"] as const;
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"] as const;

function scaled(size: number, base: number, units: readonly string[], digits: number): string {
  let unit = 0;
  let value = size;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return `${significant(value, digits)}${units[unit]}`;
}

/** Go's `%.<digits>g`. */
function significant(value: number, digits: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 10 ** digits) return String(value);
  const shown = value.toPrecision(digits);
  if (shown.includes("e")) return shown.replace(/\.?0+e/, "e").replace(/e([+-])(\d)$/, "e$10$2");
  return shown.includes(".") ? shown.replace(/\.?0+$/, "") : shown;
}

/** Bytes in powers of 1000, three digits: `7.46MB`. */
export function humanSize(bytes: number): string {
  return scaled(bytes, 1000, DECIMAL, 3);
}

/** Bytes in powers of 1000, four digits: `1.984MB`. */
export function humanSize4(bytes: number): string {
  return scaled(bytes, 1000, DECIMAL, 4);
}

/** Bytes in powers of 1024, four digits: `23.54GiB`. */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, BINARY, 4);
}
