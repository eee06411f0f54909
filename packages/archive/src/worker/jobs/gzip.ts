import { systemError } from "@berth/base";
import { writeAll } from "@berth/linux";
import { gzipMembers } from "../../compression/gzip-members.ts";
import { decompress, detectStream } from "../../compression/index.ts";
import { readDescriptor, widenPipe } from "../input.ts";
import { digestOf } from "../output.ts";
import type { GzipJob, GzipResult } from "../protocol.ts";

const STDOUT = 1;

export async function runGzip(job: GzipJob): Promise<GzipResult> {
  widenPipe(STDOUT);
  const plain = new Bun.CryptoHasher("sha256");
  const packed = new Bun.CryptoHasher("sha256");
  const { compression, source } = await detectStream(readDescriptor(0));
  async function* content(): AsyncGenerator<Uint8Array> {
    // What is kept as zstd is a tar; a content that begins like something compressed is taken as it is.
    for await (const piece of job.encoding === "zstd" ? decompress(compression, source) : source) {
      plain.update(piece);
      yield piece;
    }
  }
  let size = 0;
  for await (const member of gzipMembers(content())) {
    packed.update(member);
    writeAll(STDOUT, member);
    size += member.length;
  }
  if (digestOf(plain) !== job.known) {
    throw systemError(`content ${job.known} is damaged on disk`, { hint: "Load or pull the image again." });
  }
  return { digest: digestOf(packed), size };
}
