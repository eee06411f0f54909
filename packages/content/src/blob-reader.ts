import { createReadStream } from "node:fs";
import { createZstdDecompress } from "node:zlib";
import { type Digest, sha256, systemError, tooLarge } from "@berth/base";
import type { BlobFile } from "./content.ts";

const CHUNK = 256 * 1024;

const damaged = (digest: Digest) =>
  systemError(`content ${digest} is damaged on disk`, { hint: "Load or pull the image again." });

/** The content; an error in the place of the end when it does not have its digest. */
export function streamBlob(file: BlobFile, digest: Digest): ReadableStream<Uint8Array> {
  const chunks = decodedChunks(file, digest);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 2 },
  );
}

async function* decodedChunks(file: BlobFile, digest: Digest): AsyncGenerator<Uint8Array> {
  const hash = new Bun.CryptoHasher("sha256");
  const raw = createReadStream(file.path, { highWaterMark: CHUNK });
  const source = file.encoding === "zstd" ? raw.pipe(createZstdDecompress({ chunkSize: CHUNK })) : raw;
  // An error of the file does not travel through a pipe by itself.
  if (source !== raw) raw.on("error", (error) => source.destroy(error));
  try {
    for await (const chunk of source) {
      hash.update(chunk as Uint8Array);
      yield chunk as Uint8Array;
    }
  } catch (error) {
    throw (error as { code?: string }).code?.startsWith("ZSTD") ? damaged(digest) : error;
  } finally {
    raw.destroy();
    source.destroy();
  }
  if (`sha256:${hash.digest("hex")}` !== digest) throw damaged(digest);
}

/** A whole blob in memory, verified. */
export async function readBlob(
  file: BlobFile,
  digest: Digest,
  size: number,
  maximum: number,
): Promise<Uint8Array> {
  if (size > maximum) throw tooLarge(`content ${digest} has ${size} bytes, more than ${maximum}`);
  if (file.encoding === "identity") {
    const bytes = await Bun.file(file.path).bytes();
    if (sha256(bytes) !== digest) throw damaged(digest);
    return bytes;
  }
  const parts: Uint8Array[] = [];
  for await (const chunk of decodedChunks(file, digest)) parts.push(chunk);
  return Buffer.concat(parts);
}
