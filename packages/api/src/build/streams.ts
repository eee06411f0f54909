/** A stream from a client, a registry, a worker; may end early, and contain anything. */
export type ByteStream = ReadableStream<Uint8Array>;
