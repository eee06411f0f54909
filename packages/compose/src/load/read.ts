import { closeSync, openSync, readSync } from "node:fs";
import { invalidParameter } from "@berth/base";

/** A file is refused beyond that, before it fills the memory: `/dev/zero` never ends. */
const MOST_BYTES = 64 << 20;
const CHUNK = 256 << 10;

/** Text of a file that may be of any kind: a pipe, a device. @throws invalid-parameter, errors of the system */
export function readBounded(path: string): string {
  const descriptor = openSync(path, "r");
  try {
    const chunks: Uint8Array[] = [];
    let total = 0;
    for (;;) {
      const chunk = new Uint8Array(CHUNK);
      const length = readSync(descriptor, chunk);
      if (length === 0) break;
      chunks.push(length === CHUNK ? chunk : chunk.subarray(0, length));
      total += length;
      if (total > MOST_BYTES) throw tooLarge(path);
    }
    return Buffer.concat(chunks).toString("utf8");
  } finally {
    closeSync(descriptor);
  }
}

/** The same of a stream. */
export async function readStreamBounded(stream: ReadableStream<Uint8Array>, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    total += chunk.length;
    if (total > MOST_BYTES) throw tooLarge(name);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tooLarge(name: string) {
  return invalidParameter(`${name} is too large: more than ${MOST_BYTES >> 20} MB`);
}
