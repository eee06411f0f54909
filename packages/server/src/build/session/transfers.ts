import { BytesMessage, METHODS } from "@berth/api/buildkit";
import { notImplemented } from "@berth/base";
import type { Session } from "./session.ts";

/** Which of several outputs a file is. */
export const EXPORTER_ID = "buildkit-attachable-exporter-id";
const CHUNK = 1 << 20;

/**
 * Sends one file to the client (`--output type=tar|oci|docker`), which decides where it goes. `metadata`: the
 * exporter's facts.
 */
export async function sendFile(
  session: Session,
  tar: ReadableStream<Uint8Array>,
  metadata: Readonly<Record<string, string>>,
  signal: AbortSignal,
  exporter = 0,
): Promise<void> {
  if (!session.supports(METHODS.fileSend)) {
    throw notImplemented(`method ${METHODS.fileSend} not supported by the client`);
  }
  const headers = Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [`exporter-md-${name}`, value]),
  );
  headers[EXPORTER_ID] = String(exporter);
  const call = session.calls.stream(METHODS.fileSend, { metadata: headers, signal });
  // An error of the client's, such as "target already exists", ends the stream from its side.
  const answered = (async () => {
    for await (const _ of call.messages());
  })();
  answered.catch(() => {});
  try {
    for await (const chunk of tar) {
      for (let at = 0; at < chunk.length; at += CHUNK) {
        await call.write(BytesMessage.encode({ data: chunk.subarray(at, at + CHUNK) }));
      }
    }
    call.end();
  } catch (error) {
    call.cancel();
    await answered;
    throw error;
  }
  await answered;
}

/** A body that the client offers under a URL of its own (`docker buildx build - < context.tar`). */
export function pullUpload(session: Session, url: URL, signal?: AbortSignal): ReadableStream<Uint8Array> {
  const call = session.calls.stream(METHODS.uploadPull, {
    metadata: { urlpath: url.pathname, urlhost: url.host },
    signal,
  });
  call.end();
  const messages = call.messages();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const step = await messages.next();
          if (step.done === true) return controller.close();
          const { data } = BytesMessage.decode(step.value);
          if (data.length > 0) return controller.enqueue(data);
        }
      },
      async cancel() {
        call.cancel();
        await messages.return();
      },
    },
    { highWaterMark: 0 },
  );
}
