import { createHash } from "node:crypto";
import { invalidParameter } from "@berth/base";
import type { HijackedStream } from "./hijack.ts";

/** RFC 6455, 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** A client's message is typed text or a file's piece: longer frames are refused. */
const LONGEST_FRAME = 1024 * 1024;
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const CLOSE = { normal: 1000, protocolError: 1002, tooBig: 1009 } as const;

/** Value of `Sec-WebSocket-Accept` for a request's headers. @throws invalid-parameter when it is no WebSocket handshake. */
export function acceptKey(headers: Readonly<Record<string, string | string[] | undefined>>): string {
  const { upgrade, "sec-websocket-key": key, "sec-websocket-version": version } = headers;
  if (String(upgrade).toLowerCase() !== "websocket" || typeof key !== "string") {
    throw invalidParameter("this endpoint speaks WebSocket: the request must ask for that upgrade");
  }
  if (version !== "13") throw invalidParameter(`unsupported WebSocket version ${version ?? ""}`);
  return createHash("sha1").update(`${key}${GUID}`).digest("base64");
}

/**
 * A byte stream in WebSocket messages (RFC 6455): what is written goes out in binary frames, what clients send in text or
 * binary frames comes in as bytes, whatever the frames. A breach of the protocol closes the connection.
 */
export class WebSocketStream implements HijackedStream {
  readonly #inner: HijackedStream;
  #closed = false;
  #onEnd: (() => void) | undefined;

  /** `inner`: the connection after the handshake. */
  constructor(inner: HijackedStream) {
    this.#inner = inner;
  }

  onData(listener: (chunk: Uint8Array) => void): void {
    let rest: Buffer = Buffer.alloc(0);
    this.#inner.onData((chunk) => {
      if (this.#closed) return;
      rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
      for (let frame = readFrame(rest); frame !== undefined; frame = readFrame(rest)) {
        if ("refused" in frame) {
          this.#close(frame.refused);
          return;
        }
        rest = rest.subarray(frame.length);
        this.#take(frame, listener);
        if (this.#closed) return;
      }
    });
  }

  onEnd(listener: () => void): void {
    this.#onEnd = listener;
    this.#inner.onEnd(listener);
  }

  onClose(listener: () => void): void {
    this.#inner.onClose(listener);
  }

  write(chunk: Uint8Array): boolean {
    return this.#closed || this.#inner.write(frameOf(OPCODE.binary, chunk));
  }

  onDrain(listener: () => void): void {
    this.#inner.onDrain(listener);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#close(CLOSE.normal);
  }

  destroy(): void {
    this.#inner.destroy();
  }

  #take({ opcode, payload }: Frame, listener: (chunk: Uint8Array) => void): void {
    switch (opcode) {
      case OPCODE.continuation:
      case OPCODE.text:
      case OPCODE.binary:
        if (payload.length > 0) listener(payload);
        return;
      case OPCODE.ping:
        this.#inner.write(frameOf(OPCODE.pong, payload));
        return;
      case OPCODE.pong:
        return;
      case OPCODE.close:
        this.#onEnd?.();
        this.#close(CLOSE.normal);
        return;
      default:
        this.#close(CLOSE.protocolError);
    }
  }

  #close(code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inner.write(frameOf(OPCODE.close, Buffer.from([code >> 8, code & 0xff])));
    this.#inner.end();
  }
}

interface Frame {
  opcode: number;
  payload: Buffer;
  /** Bytes of the whole frame. */
  length: number;
}

/** The first frame (RFC 6455, 5.2), unmasked; undefined: more bytes are needed. */
export function readFrame(bytes: Buffer): Frame | { refused: number } | undefined {
  if (bytes.length < 2) return undefined;
  const opcode = bytes[0]! & 0x0f;
  // No extension was agreed on, and clients must mask.
  if ((bytes[0]! & 0x70) !== 0 || (bytes[1]! & 0x80) === 0) return { refused: CLOSE.protocolError };
  let size = bytes[1]! & 0x7f;
  let at = 2;
  // Control frames are short and whole (5.5).
  if (opcode >= 8 && (size > 125 || (bytes[0]! & 0x80) === 0)) return { refused: CLOSE.protocolError };
  if (size === 126) {
    if (bytes.length < 4) return undefined;
    size = bytes.readUInt16BE(2);
    at = 4;
  } else if (size === 127) {
    if (bytes.length < 10) return undefined;
    const long = bytes.readBigUInt64BE(2);
    if (long > BigInt(LONGEST_FRAME)) return { refused: CLOSE.tooBig };
    size = Number(long);
    at = 10;
  }
  const length = at + 4 + size;
  if (bytes.length < length) return undefined;
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(bytes.subarray(at + 4, length));
  for (let i = 0; i < payload.length; i++) payload[i]! ^= mask[i & 3]!;
  return { opcode, payload, length };
}

/** A whole message in one frame, as servers send it: not masked. */
export function frameOf(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const size = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.allocUnsafe(2 + size + length);
  frame[0] = 0x80 | opcode;
  frame[1] = size === 0 ? length : size === 2 ? 126 : 127;
  if (size === 2) frame.writeUInt16BE(length, 2);
  else if (size === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(payload, 2 + size);
  return frame;
}
