import { expect, test } from "bun:test";
import { END_OF_ARCHIVE, encodeHeader, padding } from "@berth/archive";
import { packContext, unpackContext } from "./archive.ts";

const stored = {
  Name: "far",
  Metadata: { Description: "a <b> & c" },
  Endpoints: { docker: { Host: "tcp://h:1", SkipTLSVerify: true } },
};

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function archiveOf(name: string, content: string): Uint8Array {
  const bytes = new TextEncoder().encode(content);
  const mtime = { seconds: 0, nanoseconds: 0 };
  const header = encodeHeader({ type: "file", name, mode: 0o600, uid: 0, gid: 0, mtime, size: bytes.length });
  return Buffer.concat([header, bytes, new Uint8Array(padding(bytes.length)), END_OF_ARCHIVE]);
}

test("what was packed is unpacked", async () => {
  const tls = new Map([["ca.pem", new TextEncoder().encode("certificate")]]);
  const { stored: back, tls: files } = await unpackContext(inPieces(packContext(stored, tls), 100));
  expect(back).toEqual(stored);
  expect([...files.keys()]).toEqual(["ca.pem"]);
  expect(Buffer.from(files.get("ca.pem")!).toString()).toBe("certificate");
});

test.each(["../meta.json", "tls/docker/../../x.pem", "tls/docker/other.pem", "/etc/passwd"])(
  "a member %p is refused",
  async (name) => {
    expect(unpackContext(inPieces(archiveOf(name, "{}"), 512))).rejects.toThrow("unexpected context file");
  },
);

test("an archive without metadata is refused", async () => {
  expect(unpackContext(inPieces(END_OF_ARCHIVE, 512))).rejects.toThrow("no metadata found");
});

test("a zip says so", async () => {
  expect(unpackContext(inPieces(Buffer.from("PK\x03\x04"), 512))).rejects.toThrow("zip");
});
