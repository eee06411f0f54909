import { DetachScanner } from "../detach-keys.ts";
import type { Attachment } from "../streams.ts";
import type { HijackedStream } from "./hijack.ts";
import { outcomeFrame } from "./one-request.ts";

export interface PipeOptions {
  /** False: what the client sends is thrown away. */
  stdin: boolean;
  detachKeys: Uint8Array;
  /** Told to the client when the container's side has ended, before its connection does. It never rejects. */
  outcome?: Promise<object>;
}

/**
 * Joins a client's connection and a container's stream, both ways with back-pressure. Ends when the container's side
 * ends (the client then reads its end), or when the connection is gone (the container's side is dropped).
 * @returns what ends it as the container's side does, for one that may not end.
 */
export function pipeAttachment(
  client: HijackedStream,
  attachment: Attachment,
  options: PipeOptions,
): () => Promise<void> {
  const { stream } = attachment;
  const scanner =
    attachment.tty && options.detachKeys.length > 0 ? new DetachScanner(options.detachKeys) : undefined;
  let over = false;
  let inputOver = false;

  client.onClose(() => {
    over = true;
    stream.destroy();
  });

  stream.onDrain(() => client.resume());
  client.onDrain(() => stream.resume());

  stream.onData((chunk) => {
    if (!over && !client.write(chunk)) stream.pause();
  });
  const end = async () => {
    if (options.outcome !== undefined) {
      const outcome = await options.outcome;
      if (!over) client.write(outcomeFrame(outcome));
    }
    if (over) return;
    over = true;
    client.end();
  };
  stream.onEnd(end);

  client.onData((chunk) => {
    if (over || inputOver || !options.stdin) return;
    const { forward, detached } = scanner?.feed(chunk) ?? { forward: chunk, detached: false };
    if (forward.length > 0 && !stream.write(forward)) client.pause();
    if (!detached) return;
    over = true;
    attachment.detached?.();
    stream.destroy();
    client.end();
  });
  client.onEnd(() => {
    if (over || inputOver) return;
    inputOver = true;
    if (options.stdin) stream.end();
  });
  return end;
}
