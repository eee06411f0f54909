import { Filters } from "@berth/api";
import { invalidParameter } from "@berth/base";

/** A request's query parameters, read as Docker reads them. The first of several equal names counts, but for `all`. */
export class Query {
  readonly #values: URLSearchParams;

  /** `text`: what follows the question mark. @throws invalid-parameter for a broken escape. */
  constructor(text: string) {
    if (text.includes("%")) {
      const broken = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(text);
      if (broken !== null) throw invalidParameter(`invalid URL escape "${broken[0]}"`);
    }
    this.#values = new URLSearchParams(text);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Empty when absent. */
  string(name: string): string {
    return this.#values.get(name) ?? "";
  }

  /** Absent and empty alike. */
  optionalString(name: string): string | undefined {
    return this.#values.get(name) || undefined;
  }

  all(name: string): string[] {
    return this.#values.getAll(name);
  }

  /** Docker's truth: everything but empty, `0`, `no`, `false` and `none`. */
  boolean(name: string, fallback = false): boolean {
    const value = this.#values.get(name);
    if (value === null) return fallback;
    return !["", "0", "no", "false", "none"].includes(value.trim().toLowerCase());
  }

  /** Absent or empty: `fallback`. @throws invalid-parameter with Go's sentence. */
  integer(name: string, fallback: number): number {
    const value = this.string(name);
    return value === "" ? fallback : parseInteger(value);
  }

  /** @throws invalid-parameter with Go's sentence, also when absent. */
  requiredInteger(name: string): number {
    return parseInteger(this.string(name));
  }

  /**
   * A moment as `seconds` or `seconds.nanoseconds`, in nanoseconds since 1970. Absent, empty or 0: undefined.
   * @throws invalid-parameter with Go's sentence.
   */
  moment(name: string): bigint | undefined {
    const value = this.string(name);
    if (value === "" || value === "0") return undefined;
    const found = /^([+-]?\d{1,18})(?:\.(\d*))?$/.exec(value);
    if (found === null) {
      const wrong = value.split(".")[0] as string;
      throw invalidParameter(`strconv.ParseInt: parsing ${JSON.stringify(wrong)}: invalid syntax`);
    }
    const seconds = BigInt(found[1] as string);
    return seconds * 1_000_000_000n + BigInt((found[2] ?? "").padEnd(9, "0").slice(0, 9));
  }

  /** The `filters` parameter, its keys checked. @throws invalid-parameter. */
  filters(accepted: readonly string[]): Filters {
    const filters = Filters.parse(this.#values.get("filters"));
    filters.validate(accepted);
    return filters;
  }
}

function parseInteger(value: string): number {
  if (!/^[+-]?\d+$/.test(value)) {
    throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(value)}: value out of range`);
  }
  return number;
}
