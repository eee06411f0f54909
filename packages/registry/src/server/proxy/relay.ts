/** Bytes that the client may be behind before the source waits for it. */
const AHEAD = 4 << 20;

/**
 * One stream for two: the store takes the pieces as they come, but not much faster than the client, and goes on alone when
 * the client leaves. An error of the source is an error of both.
 */
export function relay(source: ReadableStream<Uint8Array>): {
  forClient: ReadableStream<Uint8Array>;
  forStore: AsyncIterable<Uint8Array>;
} {
  let client: ReadableStreamDefaultController<Uint8Array> | undefined;
  let wake: (() => void) | undefined;
  const forClient = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        client = controller;
      },
      pull() {
        wake?.();
      },
      cancel() {
        client = undefined;
        wake?.();
      },
    },
    { highWaterMark: AHEAD, size: (piece) => piece?.byteLength ?? 0 },
  );
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of source) {
        while (client !== undefined && (client.desiredSize ?? 1) <= 0) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        client?.enqueue(piece);
        yield piece;
      }
      client?.close();
      client = undefined;
    } catch (error) {
      client?.error(error);
      throw error;
    } finally {
      // The store gave up: the client gets no more either.
      client?.error(new Error("the content could not be kept"));
    }
  }
  return { forClient, forStore: pieces() };
}
