import { unavailable } from "@berth/base";

const MEET_WITHIN_MS = 10_000;

/** A body that waits for the build that wants it; `taken` resolves when the build is done with it. */
interface Upload {
  stream: ReadableStream<Uint8Array>;
  taken: () => void;
}

/**
 * Contexts that a client sends in one request while it asks for the build in another (`remote=upload-request`): whoever
 * comes first waits for the other.
 */
export class Uploads {
  readonly #offers = new Map<string, Upload>();
  readonly #wanted = new Map<string, (upload: Upload) => void>();

  /** Resolves when the build took all of the body, or nobody came. */
  async offer(id: string, stream: ReadableStream<Uint8Array>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const upload = { stream: watched(stream, resolve), taken: resolve };
    const wanted = this.#wanted.get(id);
    if (wanted !== undefined) {
      wanted(upload);
      return promise;
    }
    this.#offers.set(id, upload);
    const timer = setTimeout(() => {
      if (this.#offers.delete(id)) reject(unavailable(`no build wants the upload ${id}`));
    }, MEET_WITHIN_MS);
    return promise.finally(() => clearTimeout(timer));
  }

  async take(id: string): Promise<ReadableStream<Uint8Array>> {
    const offered = this.#offers.get(id);
    if (offered !== undefined) {
      this.#offers.delete(id);
      return offered.stream;
    }
    const { promise, resolve, reject } = Promise.withResolvers<Upload>();
    this.#wanted.set(id, resolve);
    const timer = setTimeout(() => reject(unavailable(`the upload ${id} did not come`)), MEET_WITHIN_MS);
    try {
      return (await promise).stream;
    } finally {
      clearTimeout(timer);
      this.#wanted.delete(id);
    }
  }
}

function watched(stream: ReadableStream<Uint8Array>, ended: () => void): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const step = await reader.read().catch((error) => {
          ended();
          throw error;
        });
        if (!step.done) return controller.enqueue(step.value);
        ended();
        controller.close();
      },
      async cancel(reason) {
        ended();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
