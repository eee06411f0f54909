import { type BerthError, type Digest, invalidParameter, isDigest, messageOf } from "@berth/base";

/**
 * Reads JSON that comes from outside into known shapes. Each method checks one value and says where it is wrong
 * (`manifest: layers[3].digest: …`). A bound on the bytes bounds all that is inside; lists have bounds of their own.
 */
export class JsonReader {
  readonly value: unknown;
  readonly #path: string;

  private constructor(value: unknown, path: string) {
    this.value = value;
    this.#path = path;
  }

  /** `what` begins the messages. @throws invalid-parameter when it is too large, not UTF-8, or no JSON. */
  static parse(bytes: Uint8Array, what: string, maximumBytes: number): JsonReader {
    if (bytes.byteLength > maximumBytes) {
      throw invalidParameter(`${what}: larger than ${maximumBytes} bytes`);
    }
    try {
      return new JsonReader(JSON.parse(DECODER.decode(bytes)), what);
    } catch (error) {
      throw invalidParameter(`${what}: not valid JSON: ${messageOf(error).slice(0, 200)}`);
    }
  }

  fail(why: string): BerthError {
    return invalidParameter(`${this.#path}: ${why}`);
  }

  /** A missing or null value. */
  get absent(): boolean {
    return this.value === undefined || this.value === null;
  }

  /** A member of an object; of a missing value it is missing too. Keys are exact. */
  get(key: string): JsonReader {
    const object = this.#object();
    return new JsonReader(
      object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined,
      `${this.#path}: ${key}`,
    );
  }

  #object(): Record<string, unknown> | undefined {
    if (this.absent) return undefined;
    if (typeof this.value !== "object" || Array.isArray(this.value)) throw this.fail("expected an object");
    return this.value as Record<string, unknown>;
  }

  text(): string {
    if (typeof this.value !== "string") throw this.fail("expected a text");
    return this.value;
  }

  optionalText(): string | undefined {
    return this.absent ? undefined : this.text();
  }

  /** An integer that a JavaScript number holds. */
  integer(minimum = Number.MIN_SAFE_INTEGER): number {
    const { value } = this;
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw this.fail("expected an integer");
    if (value < minimum) throw this.fail(`must be at least ${minimum}`);
    return value;
  }

  optionalInteger(minimum?: number): number | undefined {
    return this.absent ? undefined : this.integer(minimum);
  }

  optionalBoolean(): boolean | undefined {
    if (this.absent) return undefined;
    if (typeof this.value !== "boolean") throw this.fail("expected true or false");
    return this.value;
  }

  digest(): Digest {
    const text = this.text();
    if (!isDigest(text)) throw this.fail("expected a sha256 digest");
    return text;
  }

  optionalDigest(): Digest | undefined {
    return this.absent ? undefined : this.digest();
  }

  /** The members of a list; none when it is missing. */
  list(maximum: number): JsonReader[] {
    if (this.absent) return [];
    if (!Array.isArray(this.value)) throw this.fail("expected a list");
    if (this.value.length > maximum) throw this.fail(`more than ${maximum} members`);
    return this.value.map((each, at) => new JsonReader(each, `${this.#path}[${at}]`));
  }

  /** null and absence are kept apart: Docker shows them differently. */
  optionalTexts(maximum: number): string[] | null | undefined {
    if (this.value === undefined) return undefined;
    if (this.value === null) return null;
    return this.list(maximum).map((each) => each.text());
  }

  optionalTextMap(maximum: number): Record<string, string> | null | undefined {
    return this.#map(maximum, (each) => each.text());
  }

  /** Go's `map[string]struct{}`: only the keys count. */
  optionalSet(maximum: number): Record<string, object> | null | undefined {
    return this.#map(maximum, (each) => {
      each.#object();
      return {};
    });
  }

  #map<T>(maximum: number, read: (value: JsonReader) => T): Record<string, T> | null | undefined {
    if (this.value === undefined) return undefined;
    const object = this.#object();
    if (object === undefined) return null;
    const keys = Object.keys(object);
    if (keys.length > maximum) throw this.fail(`more than ${maximum} members`);
    const map: Record<string, T> = Object.create(null);
    for (const key of keys) map[key] = read(this.get(key));
    return { ...map };
  }
}

const DECODER = new TextDecoder("utf-8", { fatal: true });

/** The object without the members that are undefined: absent optional members, for `exactOptionalPropertyTypes`. */
export function present<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
