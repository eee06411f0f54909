/** Bytes in pieces. A piece must stay as it is until the next one is asked for. */
export type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
