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
  const make = () =>
    Buffer.concat([frame(1, "out"), frame(2, "err"), frame(1, ""), frame(1, "more"), frame(3, "bad")]);
  for (let size = 1; size <= make().length; size++) {
    expect(await collect(make(), size)).toEqual({ stdout: "outmore", stderr: "err", error: "bad" });
  }
});

test("frames of one stream that arrive together are one piece", async () => {
  const data = Buffer.concat([
    frame(1, "a"),
    frame(1, "b".repeat(50)),
    frame(2, "c"),
    frame(1, "d"),
    frame(1, "e"),
  ]);
  const pieces: string[] = [];
  for await (const { stream, bytes } of demultiplex(cut(data, data.length)))
    pieces.push(`${stream} ${new TextDecoder().decode(bytes)}`);
  expect(pieces).toEqual([`stdout a${"b".repeat(50)}`, "stderr c", "stdout de"]);
});

test("any frames, cut anywhere, come out as they went in", async () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed % below;
  };
  for (let round = 0; round < 200; round++) {
    const expected = { stdout: "", stderr: "", error: "" };
    const frames: Uint8Array[] = [];
    for (let n = random(20); n >= 0; n--) {
      const stream = 1 + random(3);
      const text = String.fromCharCode(97 + random(26)).repeat(random(80));
      frames.push(frame(stream, text));
      expected[(["stdout", "stderr", "error"] as const)[stream - 1]!] += text;
    }
    expect(await collect(new Uint8Array(Buffer.concat(frames)), 1 + random(300))).toEqual(expected);
  }
});

test("the outcome comes with the end, for whoever expects one", async () => {
  const data = Buffer.concat([frame(1, "out"), frame(4, '{"ExitCode":7}')]);
  for (let size = 1; size <= data.length; size++) {
    const told: unknown[] = [];
    let out = "";
    for await (const { bytes } of demultiplex(cut(data, size), (outcome) => told.push(outcome))) {
      out += new TextDecoder().decode(bytes);
    }
    expect([out, told]).toEqual(["out", [{ ExitCode: 7 }]]);
  }
  await expect(collect(data, 4)).rejects.toThrow("unrecognized input header: 4");
});

test("an unknown stream and an end within a frame are errors", async () => {
  await expect(collect(frame(7, "x"), 4)).rejects.toThrow("unrecognized input header: 7");
  await expect(collect(frame(1, "abc").subarray(0, 9), 4)).rejects.toBeInstanceOf(ProtocolError);
  await expect(collect(frame(1, "abc").subarray(0, 5), 4)).rejects.toBeInstanceOf(ProtocolError);
});
