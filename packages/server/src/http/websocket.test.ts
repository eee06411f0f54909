import { expect, test } from "bun:test";
import { acceptKey, frameOf, readFrame } from "./websocket.ts";

/** A client's frame: masked. */
function masked(opcode: number, payload: Uint8Array): Buffer {
  const plain = frameOf(opcode, payload);
  const header = plain.length - payload.length;
  const mask = Buffer.from([1, 2, 3, 4]);
  const body = Buffer.from(payload.map((byte, index) => byte ^ mask[index & 3]!));
  plain[1]! |= 0x80;
  return Buffer.concat([plain.subarray(0, header), mask, body]);
}

test("the handshake's answer is that of RFC 6455", () => {
  const headers = { upgrade: "WebSocket", "sec-websocket-version": "13" };
  expect(acceptKey({ ...headers, "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" })).toBe(
    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  );
  expect(() => acceptKey(headers)).toThrow("speaks WebSocket");
  expect(() =>
    acceptKey({ upgrade: "websocket", "sec-websocket-key": "x", "sec-websocket-version": "8" }),
  ).toThrow("unsupported WebSocket version 8");
});

test("frames of every size are read back, and wait for their last byte", () => {
  for (const size of [0, 1, 125, 126, 65_535, 65_536, 1024 * 1024]) {
    const payload = crypto.getRandomValues(Buffer.alloc(Math.min(size, 65_536)));
    const whole = Buffer.concat([payload, Buffer.alloc(size - payload.length)]);
    const bytes = masked(2, whole);
    const frame = readFrame(Buffer.concat([bytes, Buffer.from("more")]));
    expect(frame).toEqual({ opcode: 2, payload: whole, length: bytes.length });
    expect(readFrame(bytes.subarray(0, bytes.length - 1))).toBeUndefined();
  }
});

test("what breaks the protocol is refused", () => {
  expect(readFrame(frameOf(2, Buffer.from("not masked")))).toEqual({ refused: 1002 });
  expect(readFrame(Buffer.from([0xc2, 0x80, 0, 0, 0, 0]))).toEqual({ refused: 1002 });
  expect(readFrame(Buffer.from([0x89, 0xfe, 0, 200]))).toEqual({ refused: 1002 });
  expect(readFrame(Buffer.from([0x82, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0]))).toEqual({ refused: 1009 });
});

test("random bytes never give more than they hold", () => {
  for (let round = 0; round < 5000; round++) {
    const bytes = crypto.getRandomValues(Buffer.alloc(round % 64));
    const frame = readFrame(bytes);
    if (frame !== undefined && "length" in frame) expect(frame.length).toBeLessThanOrEqual(bytes.length);
  }
});
