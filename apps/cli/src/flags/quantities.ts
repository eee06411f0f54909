import { parseGoDuration } from "@berth/spec/go-duration";
import type { Flag } from "./flag.ts";
import { parseNanoCpus, parseSize } from "./go-numbers.ts";
import { custom, type FlagOptions } from "./types.ts";

/** Bytes: `512m`, `1.5GiB`. */
export function bytes(
  help: string,
  options: FlagOptions<number> & { unlimited?: boolean } = {},
): Flag<number> {
  return custom({
    ...options,
    type: "bytes",
    help,
    initial: () => options.default ?? 0,
    parse: (text) => (options.unlimited && text === "-1" ? -1 : parseSize(text)),
  });
}

/** Nanoseconds: `1m30s`. */
export function duration(help: string, options: FlagOptions<number> = {}): Flag<number> {
  return custom({
    ...options,
    type: "duration",
    help,
    initial: () => options.default ?? 0,
    defaultText: "0s",
    parse: (text) => parseGoDuration(text),
  });
}

/** Processors, in billionths: `1.5`. */
export function processors(help: string, options: FlagOptions<number> = {}): Flag<number> {
  return custom({
    ...options,
    type: "decimal",
    help,
    initial: () => 0,
    parse: (text) => parseNanoCpus(text),
  });
}
