/**
 * DNS messages (RFC 1035, 6891), as much of them as a resolver of container names needs: it reads questions and writes
 * answers; what it forwards it passes on as it came. Pure and bounded.
 */
export const TYPE = { A: 1, PTR: 12, AAAA: 28, OPT: 41 } as const;
export const CLASS_IN = 1;
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

export const HEADER_SIZE = 12;
const MAX_NAME = 255;
/** Smallest size of datagrams that all clients take. */
const CLASSIC_SIZE = 512;
/** What we say that we take ourselves: fits every network without fragments. */
const OUR_SIZE = 1232;

const FLAG_RESPONSE = 0x8000;
const OPCODE_MASK = 0x7800;
const FLAG_TRUNCATED = 0x0200;
const FLAG_RECURSION_DESIRED = 0x0100;
const FLAG_RECURSION_AVAILABLE = 0x0080;
const FLAG_CHECKING_DISABLED = 0x0010;

export interface Query {
  id: number;
  flags: number;
  /** Lower case, without the final dot; bytes other than letters, digits, `-` and `_` as `\ddd`. */
  name: string;
  type: number;
  class: number;
  /** The question section as it came, for the answer. */
  question: Uint8Array;
  /** Most bytes of an answer by UDP. */
  datagramSize: number;
  /** The query came with EDNS, so the answer must too. */
  edns: boolean;
}

/**
 * Reads a query with one question. `undefined`: not a query at all, or without readable header: no answer is due.
 * A number: the RCODE to refuse it with.
 */
export function parseQuery(message: Uint8Array): Query | number | undefined {
  if (message.length < HEADER_SIZE) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const flags = view.getUint16(2);
  if ((flags & FLAG_RESPONSE) !== 0) return undefined;
  if ((flags & OPCODE_MASK) !== 0) return RCODE.NOTIMP;
  if (view.getUint16(4) !== 1) return RCODE.FORMERR;
  const name = readName(message, HEADER_SIZE);
  if (name === undefined || name.end + 4 > message.length) return RCODE.FORMERR;
  const end = name.end + 4;
  const size = readEdns(message, view, end);
  if (size === undefined) return RCODE.FORMERR;
  return {
    id: view.getUint16(0),
    flags,
    name: name.text,
    type: view.getUint16(name.end),
    class: view.getUint16(name.end + 2),
    question: message.subarray(HEADER_SIZE, end),
    datagramSize: Math.max(CLASSIC_SIZE, size),
    edns: size > 0,
  };
}

/** The client's datagram size from its OPT record, 0 without one, undefined when the sections are malformed. */
function readEdns(message: Uint8Array, view: DataView, start: number): number | undefined {
  let at = start;
  let size = 0;
  const count = view.getUint16(6) + view.getUint16(8) + view.getUint16(10);
  for (let record = 0; record < count; record++) {
    const name = readName(message, at);
    if (name === undefined || name.end + 10 > message.length) return undefined;
    const type = view.getUint16(name.end);
    if (type === TYPE.OPT) {
      if (name.text !== "" || size > 0) return undefined;
      size = Math.max(CLASSIC_SIZE, view.getUint16(name.end + 2));
    }
    at = name.end + 10 + view.getUint16(name.end + 8);
    if (at > message.length) return undefined;
  }
  return size;
}

/**
 * The name at `start` and where the record goes on after it. Pointers (RFC 1035, 4.1.4) must point backwards, so they cannot
 * loop. Undefined when malformed or longer than 255 bytes.
 */
export function readName(message: Uint8Array, start: number): { text: string; end: number } | undefined {
  const labels: string[] = [];
  let at = start;
  let end = -1;
  let floor = start;
  let length = 1;
  for (;;) {
    const size = message[at];
    if (size === undefined) return undefined;
    if (size === 0) return { text: labels.join("."), end: end < 0 ? at + 1 : end };
    if ((size & 0xc0) === 0xc0) {
      const low = message[at + 1];
      if (low === undefined) return undefined;
      if (end < 0) end = at + 2;
      at = ((size & 0x3f) << 8) | low;
      if (at >= floor || at < HEADER_SIZE) return undefined;
      floor = at;
      continue;
    }
    if ((size & 0xc0) !== 0 || at + 1 + size > message.length) return undefined;
    length += size + 1;
    if (length > MAX_NAME) return undefined;
    labels.push(labelText(message.subarray(at + 1, at + 1 + size)));
    at += size + 1;
  }
}

function labelText(label: Uint8Array): string {
  let text = "";
  for (const byte of label) {
    const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
    const plain =
      (lower >= 0x61 && lower <= 0x7a) ||
      (lower >= 0x30 && lower <= 0x39) ||
      lower === 0x2d ||
      lower === 0x5f;
    text += plain ? String.fromCharCode(lower) : `\\${byte.toString().padStart(3, "0")}`;
  }
  return text;
}

/** A name as people write it in the form of `Query.name`. */
export function canonicalName(text: string): string {
  const encoder = new TextEncoder();
  return text
    .split(".")
    .map((label) => labelText(encoder.encode(label)))
    .join(".");
}

/** Wire form of a name of plain labels; undefined when it is none. */
export function writeName(name: string): Uint8Array | undefined {
  if (name === "") return new Uint8Array(1);
  const bytes: number[] = [];
  for (const label of name.split(".")) {
    const encoded = new TextEncoder().encode(label);
    if (encoded.length === 0 || encoded.length > 63) return undefined;
    bytes.push(encoded.length, ...encoded);
  }
  bytes.push(0);
  return bytes.length > MAX_NAME ? undefined : Uint8Array.from(bytes);
}

export interface Answer {
  type: number;
  /** Seconds. */
  ttl: number;
  data: Uint8Array;
}

/**
 * An answer to `query`. Its records belong to the name of the question. Those that do not fit in `limit` bytes are left out
 * and the answer is marked truncated, so that the client asks again by TCP.
 */
export function writeResponse(
  query: Query,
  rcode: number,
  answers: readonly Answer[],
  limit: number,
): Uint8Array {
  const edns = query.edns ? 11 : 0;
  let size = HEADER_SIZE + query.question.length + edns;
  let count = 0;
  for (const answer of answers) {
    if (size + 12 + answer.data.length > limit) break;
    size += 12 + answer.data.length;
    count++;
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, query.id);
  const kept = query.flags & (FLAG_RECURSION_DESIRED | FLAG_CHECKING_DISABLED);
  const truncated = count < answers.length ? FLAG_TRUNCATED : 0;
  view.setUint16(2, FLAG_RESPONSE | FLAG_RECURSION_AVAILABLE | kept | truncated | rcode);
  view.setUint16(4, 1);
  view.setUint16(6, count);
  view.setUint16(10, query.edns ? 1 : 0);
  bytes.set(query.question, HEADER_SIZE);
  let at = HEADER_SIZE + query.question.length;
  for (const answer of answers.slice(0, count)) {
    view.setUint16(at, 0xc000 | HEADER_SIZE);
    view.setUint16(at + 2, answer.type);
    view.setUint16(at + 4, CLASS_IN);
    view.setUint32(at + 6, answer.ttl);
    view.setUint16(at + 10, answer.data.length);
    bytes.set(answer.data, at + 12);
    at += 12 + answer.data.length;
  }
  if (query.edns) {
    view.setUint16(at + 1, TYPE.OPT);
    view.setUint16(at + 3, OUR_SIZE);
  }
  return bytes;
}

/** A refusal of a message whose question could not be read. */
export function writeRefusal(message: Uint8Array, rcode: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  const source = new DataView(message.buffer, message.byteOffset, message.byteLength);
  view.setUint16(0, source.getUint16(0));
  const kept = source.getUint16(2) & (OPCODE_MASK | FLAG_RECURSION_DESIRED);
  view.setUint16(2, FLAG_RESPONSE | FLAG_RECURSION_AVAILABLE | kept | rcode);
  return bytes;
}

/** RCODE of a response that belongs to the query with this id and question section; undefined when it does not. */
export function matchResponse(response: Uint8Array, id: number, question: Uint8Array): number | undefined {
  if (response.length < HEADER_SIZE) return undefined;
  const view = new DataView(response.buffer, response.byteOffset, response.byteLength);
  const flags = view.getUint16(2);
  if (view.getUint16(0) !== id || (flags & FLAG_RESPONSE) === 0) return undefined;
  const rcode = flags & 0xf;
  // Some servers leave the question out of refusals.
  if (view.getUint16(4) === 0 && rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return rcode;
  if (view.getUint16(4) !== 1 || response.length < HEADER_SIZE + question.length) return undefined;
  for (let at = 0; at < question.length; at++) {
    if (lower(response[HEADER_SIZE + at]) !== lower(question[at])) return undefined;
  }
  return rcode;
}

function lower(byte: number | undefined): number {
  return byte === undefined ? -1 : byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

/** Writes another id into a message. */
export function setId(message: Uint8Array, id: number): void {
  message[0] = id >>> 8;
  message[1] = id & 0xff;
}

/** The address that `5.0.4.10.in-addr.arpa` or `….ip6.arpa` asks for, as its 4 or 16 bytes; undefined for other names. */
export function reverseAddress(name: string): Uint8Array | undefined {
  if (name.endsWith(".in-addr.arpa")) {
    const parts = name.slice(0, -".in-addr.arpa".length).split(".");
    if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256))
      return undefined;
    return Uint8Array.from(parts.reverse(), Number);
  }
  if (name.endsWith(".ip6.arpa")) {
    const digits = name.slice(0, -".ip6.arpa".length).split(".").reverse();
    if (digits.length !== 32 || !digits.every((digit) => /^[0-9a-f]$/.test(digit))) return undefined;
    return Uint8Array.from({ length: 16 }, (_, at) =>
      Number.parseInt(`${digits[at * 2]}${digits[at * 2 + 1]}`, 16),
    );
  }
  return undefined;
}
