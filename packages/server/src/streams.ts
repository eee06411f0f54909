/**
 * A byte stream between the daemon and a container's stdio. `ShimStream` of `@berth/runtime` has this shape.
 * Listeners are set once, before the next turn of the event loop; nothing is delivered before `onData` was called.
 */
export interface ByteDuplex {
  onData(listener: (chunk: Uint8Array) => void): void;
  onEnd(listener: () => void): void;
  /** False: wait for `onDrain`. */
  write(chunk: Uint8Array): boolean;
  onDrain(listener: () => void): void;
  pause(): void;
  resume(): void;
  /** No more input: half-close. */
  end(): void;
  /** Drops the stream at once; the container goes on. */
  destroy(): void;
}

/** What attach and exec start give. */
export interface Attachment {
  /** Docker's stream exactly as the client gets it: multiplexed frames, or raw with a terminal. */
  readonly stream: ByteDuplex;
  /** The container's (the exec's) terminal: raw stream, and detach keys are watched for. */
  readonly tty: boolean;
  /** Docker's notation (`ctrl-p,ctrl-q`); absent: the router's, else the default. */
  readonly detachKeys?: string;
  /** Called when the client typed the detach keys; the stream is destroyed by the router after it. */
  detached?(): void;
}
