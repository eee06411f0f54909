import { CODE, GrpcError } from "./status.ts";

/** gRPC's own default for what is received is 4 MB; BuildKit raises it to 16. */
export const MESSAGE_LIMIT = 16 << 20;
const HEADER = 5;

/** A message as it goes over the wire: not compressed. */
export function frame(message: Uint8Array): Uint8Array {
  const out = new Uint8Array(HEADER + message.length);
  new DataView(out.buffer).setUint32(1, message.length);
  out.set(message, HEADER);
  return out;
}

/** Cuts a stream of bytes into messages. */
export class FrameParser {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** Whole length of the frame that is being collected, with its header; 0: unknown yet. */
  #wanted = 0;

  /** @returns the messages that are complete now. @throws GrpcError for what cannot be read. */
  push(chunk: Uint8Array): Uint8Array[] {
    const messages: Uint8Array[] = [];
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= (this.#wanted || HEADER)) {
      if (this.#wanted === 0) {
        const head = this.#joined();
        if (head[0] !== 0)
          throw new GrpcError(CODE.UNIMPLEMENTED, "grpc: compressed messages are not supported");
        const length = new DataView(head.buffer, head.byteOffset).getUint32(1);
        if (length > MESSAGE_LIMIT) {
          throw new GrpcError(
            CODE.RESOURCE_EXHAUSTED,
            `grpc: received message larger than max (${length} vs. ${MESSAGE_LIMIT})`,
          );
        }
        this.#wanted = HEADER + length;
        continue;
      }
      const all = this.#joined();
      messages.push(all.subarray(HEADER, this.#wanted));
      this.#chunks = all.length > this.#wanted ? [all.subarray(this.#wanted)] : [];
      this.#length = all.length - this.#wanted;
      this.#wanted = 0;
    }
    return messages;
  }

  /** Bytes of an incomplete message. */
  get pending(): number {
    return this.#length;
  }

  #joined(): Uint8Array {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Uint8Array;
  }
}
