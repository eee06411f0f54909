/**
 * Netlink messages (include/uapi/linux/netlink.h): a 16-byte header, a fixed structure of the family, attributes.
 * Pure. Integers are in host order, which is little-endian on every platform that Berth runs on.
 */

export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_ROOT = 0x100;
export const NLM_F_MATCH = 0x200;
export const NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

const HEADER = 16;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const MAX_ATTRIBUTE = 0xffff;

/** Writes messages one after another into one growing buffer. Lengths and padding are kept by it. */
export class MessageWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #message = -1;
  readonly #nests: number[] = [];
  readonly #encoder = new TextEncoder();
  /** Number of messages begun. */
  count = 0;
  /** Sequence number of the message begun last. */
  sequence = 0;

  #reserve(length: number): number {
    const at = this.#at;
    const end = at + length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#at = end;
    return at;
  }

  #align(): void {
    while (this.#at % 4 !== 0) this.#bytes[this.#reserve(1)] = 0;
  }

  /** Begins a message; the one before it ends here. */
  begin(type: number, flags: number, sequence: number): this {
    this.end();
    this.#message = this.#reserve(HEADER);
    this.#view.setUint16(this.#message + 4, type, true);
    this.#view.setUint16(this.#message + 6, flags, true);
    this.#view.setUint32(this.#message + 8, sequence >>> 0, true);
    this.#view.setUint32(this.#message + 12, 0, true);
    this.count++;
    this.sequence = sequence;
    return this;
  }

  /** Ends the message that was begun. */
  end(): this {
    if (this.#nests.length > 0) throw new Error("netlink: an attribute was not closed");
    if (this.#message >= 0) {
      this.#view.setUint32(this.#message, this.#at - this.#message, true);
      this.#align();
      this.#message = -1;
    }
    return this;
  }

  /** Bytes of the family's fixed structure. */
  raw(bytes: Uint8Array): this {
    // Before the buffer is looked at: it may be replaced by a larger one.
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    this.#align();
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    const length = 4 + value.length;
    if (length > MAX_ATTRIBUTE) throw new RangeError(`netlink: attribute ${type} of ${value.length} bytes`);
    const at = this.#reserve(length);
    this.#view.setUint16(at, length, true);
    this.#view.setUint16(at + 2, type, true);
    this.#bytes.set(value, at + 4);
    this.#align();
    return this;
  }

  u8(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value));
  }

  u16(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value, value >>> 8));
  }

  u32(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24));
  }

  /** Network order, as nfnetlink wants its integers. */
  be32(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
  }

  be64(type: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
    return this.attribute(type, bytes);
  }

  /** A text ended by NUL. @throws RangeError when the text holds one. */
  text(type: number, value: string): this {
    if (value.includes("\0")) throw new RangeError("netlink: NUL within a name");
    return this.attribute(type, this.#encoder.encode(`${value}\0`));
  }

  /** What `content` writes becomes the value of one attribute. */
  nested(type: number, content: () => void): this {
    const at = this.#reserve(4);
    this.#nests.push(at);
    content();
    this.#nests.pop();
    const length = this.#at - at;
    if (length > MAX_ATTRIBUTE) throw new RangeError(`netlink: nested attribute ${type} of ${length} bytes`);
    this.#view.setUint16(at, length, true);
    this.#view.setUint16(at + 2, type | NLA_F_NESTED, true);
    this.#align();
    return this;
  }

  /** All messages; valid until the next write. */
  finish(): Uint8Array {
    this.end();
    return this.#bytes.subarray(0, this.#at);
  }
}

export interface Message {
  type: number;
  flags: number;
  sequence: number;
  port: number;
  /** What follows the header; a view into the datagram. */
  payload: Uint8Array;
}

/** The messages of a datagram. Ends at the first whose length is impossible, so it never reads beyond the bytes nor loops. */
export function* readMessages(datagram: Uint8Array): Generator<Message> {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  for (let at = 0; at + HEADER <= datagram.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || length > datagram.length - at) return;
    yield {
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      port: view.getUint32(at + 12, true),
      payload: datagram.subarray(at + HEADER, at + length),
    };
    at += (length + 3) & ~3;
  }
}

/** Attributes from `offset` on, by type (the last of a type wins). Ends at the first whose length is impossible. */
export function readAttributes(bytes: Uint8Array, offset = 0): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (const [type, value] of eachAttribute(bytes, offset)) found.set(type, value);
  return found;
}

/** As `readAttributes`, for lists in which a type occurs many times. */
export function* eachAttribute(bytes: Uint8Array, offset = 0): Generator<[type: number, value: Uint8Array]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = offset; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || length > bytes.length - at) return;
    yield [view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length)];
    at += (length + 3) & ~3;
  }
}

/**
 * As `eachAttribute`, without an object for each: `visit` gets where the value begins and ends. For messages with many
 * attributes of which few matter.
 */
export function visitAttributes(
  bytes: Uint8Array,
  offset: number,
  visit: (type: number, start: number, end: number) => void,
): void {
  for (let at = offset; at + 4 <= bytes.length; ) {
    const length = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    if (length < 4 || length > bytes.length - at) return;
    visit(
      ((bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8)) & NLA_TYPE_MASK,
      at + 4,
      at + length,
    );
    at += (length + 3) & ~3;
  }
}

/** Unsigned 32-bit integer in host order; undefined when the bytes are too few. */
export function asU32(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined || bytes.length < 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}

/** A text up to its NUL or its end. */
export function asText(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The outcome that an NLMSG_ERROR message carries: errno (0: it is an acknowledgement) and the kernel's explanation. */
export function readOutcome(message: Message): { errno: number; explanation?: string } {
  const { payload, flags } = message;
  if (payload.length < 4) return { errno: 71 };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const errno = -view.getInt32(0, true);
  if ((flags & NLM_F_ACK_TLVS) === 0 || payload.length < 4 + HEADER) return { errno };
  // The request follows: its header alone when the message was capped (always so for acknowledgements).
  const request = (flags & NLM_F_CAPPED) !== 0 ? HEADER : Math.max(HEADER, view.getUint32(4, true));
  if (request > payload.length) return { errno };
  const explanation = asText(readAttributes(payload, 4 + ((request + 3) & ~3)).get(1));
  return explanation === undefined ? { errno } : { errno, explanation };
}
