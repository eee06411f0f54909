import type { Duplex } from "node:stream";
import { FrameParser, frame } from "./frames.ts";
import { CODE, GrpcError } from "./status.ts";

/** Names in lower case; a name may come more than once. */
export type Metadata = ReadonlyMap<string, readonly string[]>;

/**
 * HTTP/2 is over when one side sends no more. A connection that may be half open would stay so for ever, and with it whatever waits for
 * our end: over ssh, the program that joins both.
 */
export function closeWithPeer(connection: Duplex): void {
  const close = () => void connection.destroy();
  if (connection.readableEnded) close();
  else connection.once("end", close);
}

/**
 * The messages of an HTTP/2 stream, in order; a slow reader slows the sender down. `survives`: the stream is still there for an
 * answer when the reader leaves early, or what it reads is no message. @throws GrpcError.
 */
export async function* readMessages(
  stream: Duplex,
  { survives = false } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const parser = new FrameParser();
  const chunks = stream.iterator({ destroyOnReturn: !survives });
  for await (const chunk of chunks) yield* parser.push(chunk as Uint8Array);
  if (parser.pending > 0) throw new GrpcError(CODE.INTERNAL, "unexpected EOF");
}

/** Resolves when more may be written. Rejects when the stream is gone. */
export function writeMessage(stream: Duplex, message: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return Promise.reject(new GrpcError(CODE.CANCELLED, "EOF"));
  if (stream.write(frame(message))) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = () => {
      stream.off("drain", onDrain);
      stream.off("close", onClose);
    };
    const onDrain = () => {
      done();
      resolve();
    };
    const onClose = () => {
      done();
      reject(new GrpcError(CODE.CANCELLED, "EOF"));
    };
    stream.on("drain", onDrain);
    stream.on("close", onClose);
  });
}

/** Pairs as HTTP/2 delivered them → metadata; pseudo-headers are left out. */
export function metadataOf(raw: readonly string[]): Metadata {
  const metadata = new Map<string, string[]>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase();
    if (name.startsWith(":")) continue;
    const held = metadata.get(name);
    if (held === undefined) metadata.set(name, [raw[at + 1] as string]);
    else held.push(raw[at + 1] as string);
  }
  return metadata;
}
