import type { Digest } from "@berth/base";
import { writeAll } from "@berth/linux";
import { compress } from "../compression/index.ts";
import type { FileRange, PackFacts } from "../pack/pack.ts";
import { readPieces, sendPieces } from "../pack/send.ts";
import { widenPipe } from "./input.ts";
import type { OutputOptions, OutputResult } from "./protocol.ts";

const STDOUT = 1;

/** Writes an archive to stdout, compressed and counted as asked for. */
export async function writeArchive(
  pieces: Generator<Uint8Array | FileRange, PackFacts, number>,
  options: OutputOptions,
): Promise<OutputResult> {
  widenPipe(STDOUT);
  const plain = options.digest ? new Bun.CryptoHasher("sha256") : undefined;
  const compression = options.compression ?? "none";
  if (compression === "none") {
    const facts = sendPieces(pieces, STDOUT, plain && ((bytes) => void plain.update(bytes)));
    const digest = plain && digestOf(plain);
    return { ...facts, compressedSize: facts.size, ...(digest && { diffId: digest, digest }) };
  }
  const packed = options.digest ? new Bun.CryptoHasher("sha256") : undefined;
  let facts: PackFacts | undefined;
  function* source(): Generator<Uint8Array> {
    const reading = readPieces(pieces);
    for (let next = reading.next(); ; next = reading.next()) {
      if (next.done) {
        facts = next.value;
        return;
      }
      plain?.update(next.value);
      yield next.value;
    }
  }
  let compressedSize = 0;
  const level = options.level === undefined ? {} : { level: options.level };
  for await (const bytes of compress(compression, source(), level)) {
    packed?.update(bytes);
    writeAll(STDOUT, bytes);
    compressedSize += bytes.length;
  }
  const digests = plain && packed && { diffId: digestOf(plain), digest: digestOf(packed) };
  return { ...(facts as PackFacts), compressedSize, ...digests };
}

export function digestOf(hasher: Bun.CryptoHasher): Digest {
  return `sha256:${hasher.digest("hex")}`;
}
