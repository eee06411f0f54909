import { invalidParameter } from "@berth/base";

/**
 * Protocol Buffers (proto3), driven by field tables: `message({ digest: string(1), inputs: repeated(string(2)) })`.
 * Input is hostile: lengths and nesting are bounded, unknown fields are skipped, names such as `__proto__` are only keys.
 */
export interface Field<T> {
  readonly number: number;
  readonly kind: Kind;
  readonly form: "one" | "many" | "map" | "optional";
  readonly type?: () => Message<object>;
  /** Only for inference. */
  readonly _?: T;
}

type Kind = "string" | "bytes" | "bool" | "int32" | "uint32" | "number64" | "bigint64" | "message";
type Fields = Readonly<Record<string, Field<unknown>>>;
type Decoded<F extends Fields> = { -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** What a message type decodes to. */
export type Infer<M> = M extends Message<infer T> ? T : never;

/** How deeply messages may be nested. */
const DEPTH_LIMIT = 64;

const one =
  <T>(kind: Kind) =>
  (number: number): Field<T> => ({ number, kind, form: "one" });

export const string = one<string>("string");
export const bytes = one<Uint8Array>("bytes");
export const bool = one<boolean>("bool");
export const int32 = one<number>("int32");
export const uint32 = one<number>("uint32");
/** int64 as a number; beyond 2^53 it loses digits. */
export const int64 = one<number>("number64");
/** int64 in full. */
export const bigint64 = one<bigint>("bigint64");

export const nested = <T extends object>(number: number, type: () => Message<T>): Field<T | undefined> => ({
  number,
  kind: "message",
  form: "optional",
  type: type as unknown as () => Message<object>,
});

export const repeated = <T>(field: Field<T>): Field<NonNullable<T>[]> =>
  ({ ...field, form: "many" }) as unknown as Field<NonNullable<T>[]>;

/** `map<string, …>`; the field's number is the map's. */
export const map = <T>(field: Field<T>): Field<Record<string, NonNullable<T>>> =>
  ({ ...field, form: "map" }) as unknown as Field<Record<string, NonNullable<T>>>;

export function message<F extends Fields>(fields: F): Message<Decoded<F>> {
  return new Message<Decoded<F>>(fields);
}

export class Message<T extends object> {
  readonly #entries: readonly (readonly [string, Field<unknown>])[];
  readonly #byNumber = new Map<number, readonly [string, Field<unknown>]>();

  constructor(fields: Fields) {
    this.#entries = Object.entries(fields);
    for (const entry of this.#entries) this.#byNumber.set(entry[1].number, entry);
  }

  encode(value: Partial<T>): Uint8Array {
    const writer = new Writer();
    this.write(writer, value);
    return writer.finish();
  }

  /** Absent scalars are zero values, absent messages undefined. @throws invalid-parameter. */
  decode(data: Uint8Array): T {
    return this.read(new Reader(data), DEPTH_LIMIT);
  }

  /** For nested messages. */
  write(writer: Writer, value: Partial<T>): void {
    const record = value as Record<string, unknown>;
    for (const [name, field] of this.#entries) {
      const held = record[name];
      if (held === undefined || held === null) continue;
      if (field.form === "many") for (const each of held as unknown[]) writeValue(writer, field, each, true);
      else if (field.form === "map") {
        for (const [key, each] of Object.entries(held as object)) {
          const entry = new Writer();
          writeValue(entry, { number: 1, kind: "string", form: "one" }, key, false);
          writeValue(entry, { ...field, number: 2 }, each, field.kind === "message");
          writer.block(field.number, entry.finish());
        }
      } else writeValue(writer, field, held, field.form === "optional");
    }
  }

  /** For nested messages. */
  read(reader: Reader, depth: number): T {
    if (depth === 0) throw invalidParameter("protobuf: nested too deeply");
    const record: Record<string, unknown> = {};
    for (const [name, field] of this.#entries) record[name] = initial(field);
    while (!reader.done) {
      const tag = reader.uint32();
      const [name, field] = this.#byNumber.get(tag >>> 3) ?? [undefined, undefined];
      const wire = tag & 7;
      if (tag >>> 3 === 0) throw invalidParameter("protobuf: field number 0");
      if (field === undefined) reader.skip(wire, depth);
      else if (field.form === "map") readEntry(reader, wire, field, record[name] as object, depth);
      else if (field.form === "many") readMany(reader, wire, field, record[name] as unknown[], depth);
      else record[name] = readValue(reader, wire, field, depth);
    }
    return record as T;
  }
}

function initial(field: Field<unknown>): unknown {
  if (field.form === "many") return [];
  if (field.form === "map") return Object.create(null);
  return zero(field);
}

function zero(field: Field<unknown>): unknown {
  switch (field.kind) {
    case "string":
      return "";
    case "bytes":
      return EMPTY;
    case "bool":
      return false;
    case "bigint64":
      return 0n;
    case "message":
      return undefined;
    default:
      return 0;
  }
}

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function writeValue(writer: Writer, field: Field<unknown>, value: unknown, always: boolean): void {
  const { number, kind } = field;
  switch (kind) {
    case "message": {
      const inner = new Writer();
      (field.type as () => Message<object>)().write(inner, value as object);
      writer.block(number, inner.finish());
      return;
    }
    case "string":
    case "bytes": {
      const data = kind === "string" ? encoder.encode(value as string) : (value as Uint8Array);
      if (data.length > 0 || always) writer.block(number, data);
      return;
    }
    default: {
      const whole = kind === "bigint64" ? (value as bigint) : Number(value);
      if (!always && (whole === 0 || whole === 0n)) return;
      writer.varint(number * 8);
      writer.varint(whole);
    }
  }
}

function readEntry(reader: Reader, wire: number, field: Field<unknown>, into: object, depth: number): void {
  const entry = new Reader(reader.block(wire));
  let key = "";
  let value = field.kind === "message" ? (field.type as () => Message<object>)().decode(EMPTY) : zero(field);
  while (!entry.done) {
    const tag = entry.uint32();
    if (tag >>> 3 === 1) key = decoder.decode(entry.block(tag & 7));
    else if (tag >>> 3 === 2) value = readValue(entry, tag & 7, field, depth);
    else entry.skip(tag & 7, depth);
  }
  (into as Record<string, unknown>)[key] = value;
}

/** Numbers come one by one or packed. */
function readMany(reader: Reader, wire: number, field: Field<unknown>, into: unknown[], depth: number): void {
  const packable = field.kind !== "message" && field.kind !== "string" && field.kind !== "bytes";
  if (!packable || wire !== 2) {
    into.push(readValue(reader, wire, field, depth));
    return;
  }
  const packed = new Reader(reader.block(wire));
  while (!packed.done) into.push(readValue(packed, 0, field, depth));
}

function readValue(reader: Reader, wire: number, field: Field<unknown>, depth: number): unknown {
  switch (field.kind) {
    case "message":
      return (field.type as () => Message<object>)().read(new Reader(reader.block(wire)), depth - 1);
    case "string":
      return decoder.decode(reader.block(wire));
    case "bytes":
      return reader.block(wire);
  }
  if (wire !== 0) throw invalidParameter("protobuf: wrong wire type");
  switch (field.kind) {
    case "bool":
      return reader.varint() !== 0n;
    case "uint32":
      return Number(BigInt.asUintN(32, reader.varint()));
    case "int32":
      return Number(BigInt.asIntN(32, reader.varint()));
    case "bigint64":
      return BigInt.asIntN(64, reader.varint());
    default:
      return Number(BigInt.asIntN(64, reader.varint()));
  }
}

class Writer {
  #buffer = new Uint8Array(64);
  #length = 0;

  varint(value: number | bigint): void {
    this.#reserve(10);
    if (typeof value === "number" && value >= 0 && value < 0x80000000) {
      let rest = value;
      for (; rest > 0x7f; rest >>>= 7) this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      this.#buffer[this.#length++] = rest;
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
    this.#buffer[this.#length++] = Number(rest);
  }

  block(number: number, data: Uint8Array): void {
    this.varint(number * 8 + 2);
    this.varint(data.length);
    this.#reserve(data.length);
    this.#buffer.set(data, this.#length);
    this.#length += data.length;
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + more));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

class Reader {
  readonly #data: Uint8Array;
  #at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  get done(): boolean {
    return this.#at >= this.#data.length;
  }

  uint32(): number {
    return Number(BigInt.asUintN(32, this.varint()));
  }

  varint(): bigint {
    let low = 0;
    // The first four groups fit a small integer: nearly all there is.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw invalidParameter("protobuf: a number is too long");
  }

  /** A length and that many bytes; a view into the input. */
  block(wire: number): Uint8Array {
    if (wire !== 2) throw invalidParameter("protobuf: wrong wire type");
    const length = Number(this.varint());
    if (length > this.#data.length - this.#at) throw invalidParameter("protobuf: cut off");
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }

  skip(wire: number, depth: number): void {
    if (wire === 0) this.varint();
    else if (wire === 1) this.#advance(8);
    else if (wire === 2) this.block(2);
    else if (wire === 5) this.#advance(4);
    else if (wire === 3 && depth > 0) {
      for (let tag = this.uint32(); (tag & 7) !== 4; tag = this.uint32()) this.skip(tag & 7, depth - 1);
    } else throw invalidParameter("protobuf: wrong wire type");
  }

  #byte(): number {
    const byte = this.#data[this.#at++];
    if (byte === undefined) throw invalidParameter("protobuf: cut off");
    return byte;
  }

  #advance(count: number): void {
    if (count > this.#data.length - this.#at) throw invalidParameter("protobuf: cut off");
    this.#at += count;
  }
}
