import { expect, test } from "bun:test";
import { demultiplex } from "./demultiplex.ts";
import { ProtocolError } from "./errors.ts";

function frame(stream: number, text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + payload.length);
  bytes[0] = stream;
  new DataView(bytes.buffer).setUint32(4, payload.length);
  bytes.set(payload, 8);
  return bytes;
}

async function* cut(data: Uint8Array, size: number) {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

async function collect(data: Uint8Array, size: number) {
  const out = { stdout: "", stderr: "", error: "" };
  for await (const { stream, bytes } of demultiplex(cut(data, size))) {
    out[stream] += new TextDecoder().decode(bytes);
  }
  return out;
}

test("frames are taken apart however the bytes are cut", async () => {
  const data = Buffer.concat([
    frame(1, "out"),
    frame(2, "err"),
    frame(1, ""),
    frame(1, "more"),
    frame(3, "bad"),
  ]);
  for (let size = 1; size <= data.length; size++) {
    expect(await collect(data, size)).toEqual({ stdout: "outmore", stderr: "err", error: "bad" });
  }
});

test("an unknown stream and an end within a frame are errors", async () => {
  await expect(collect(frame(7, "x"), 4)).rejects.toThrow("unrecognized input header: 7");
  await expect(collect(frame(1, "abc").subarray(0, 9), 4)).rejects.toBeInstanceOf(ProtocolError);
  await expect(collect(frame(1, "abc").subarray(0, 5), 4)).rejects.toBeInstanceOf(ProtocolError);
});
