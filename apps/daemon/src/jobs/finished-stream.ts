/**
 * A job's data followed by its outcome: when the job fails, reading fails, and nobody takes what came before for the whole.
 */
export function finishedStream(
  data: ReadableStream<Uint8Array>,
  result: Promise<unknown>,
): ReadableStream<Uint8Array> {
  // The outcome is looked at when the data has ended; until then a failure waits.
  result.catch(() => {});
  const reader = data.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (!done) {
          controller.enqueue(value);
          return;
        }
        await result;
        controller.close();
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
