import type { Digest } from "@berth/base";
import type { OpenedBlob, Repository } from "../../client/client.ts";

/** Times in a row that a connection may break without a byte in between. */
const MOST_BREAKS = 4;
const PAUSE_MILLISECONDS = 200;

/** A blob of the other registry, asked for from its beginning. @throws what the client throws. */
export async function openUpstream(
  repository: Repository,
  digest: Digest,
  signal: AbortSignal,
): Promise<OpenedBlob> {
  return await repository.openBlob({ digest, size: 0 }, { offset: 0 }, signal);
}

/** Its size, by a request for its first byte: a HEAD would need rights to push at some registries. */
export async function sizeUpstream(
  repository: Repository,
  digest: Digest,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { body, size } = await repository.openBlob({ digest, size: 0 }, { offset: 0, end: 1 }, signal);
  await body.cancel();
  return size;
}

/** All bytes of a blob: when the connection breaks it goes on behind the last one. @throws what the client throws. */
export async function* resuming(
  repository: Repository,
  digest: Digest,
  first: OpenedBlob,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let opened = first;
  let at = 0;
  for (let breaks = 0; ; ) {
    const before = at;
    try {
      let skip = at - opened.offset;
      for await (const piece of opened.body) {
        const rest = skip === 0 ? piece : piece.subarray(Math.min(skip, piece.byteLength));
        skip -= piece.byteLength - rest.byteLength;
        at += rest.byteLength;
        if (rest.byteLength > 0) yield rest;
      }
      if (first.size === undefined || at >= first.size) return;
      throw new Error(`the blob ends after ${at} of ${first.size} bytes`);
    } catch (error) {
      breaks = at > before ? 1 : breaks + 1;
      if (first.size === undefined || breaks > MOST_BREAKS || signal.aborted) throw error;
      await Bun.sleep(PAUSE_MILLISECONDS * breaks);
      opened = await repository.openBlob({ digest, size: first.size }, { offset: at }, signal);
    }
  }
}
