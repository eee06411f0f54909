/**
 * The same stream, whose end waits for `done`: data that is cut off because its source failed is then an error, and not
 * taken for the whole.
 */
export function endingWith(
  stream: ReadableStream<Uint8Array>,
  done: Promise<unknown>,
): ReadableStream<Uint8Array> {
  // Looked at only at the end of the data.
  done.catch(() => {});
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done: ended, value } = await reader.read();
        if (!ended) return controller.enqueue(value);
        await done;
        controller.close();
      },
      async cancel(reason) {
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
