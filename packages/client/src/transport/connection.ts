/**
 * A byte stream to the daemon, with half-close. Reading is by pull: nothing is taken from the kernel beyond a small
 * queue, so a slow reader slows the daemon's side down.
 */
export interface Connection {
  /** The next bytes; undefined at the end of the stream. One call at a time. Rejects when the connection broke. */
  read(): Promise<Uint8Array | undefined>;
  /** Gives bytes back; the next `read` delivers them first. */
  unread(chunk: Uint8Array): void;
  /** Resolves when more may be written. Bytes must not be changed before. */
  write(chunk: Uint8Array): Promise<void>;
  /** No more writes (half-close); reading goes on. */
  closeWrite(): void;
  /** Drops the connection at once; a waiting read ends with `reason`, or as at the end of the stream. */
  destroy(reason?: Error): void;
  /** The other side ended or the connection broke: of no use for another request. */
  readonly ended: boolean;
}

/** Opens a connection to one fixed address. @throws ConnectError */
export type Dial = (signal?: AbortSignal) => Promise<Connection>;

/** Bytes in the receive queue above which a transport stops reading from the kernel. */
export const RECEIVE_HIGH_WATER = 1 << 20;
