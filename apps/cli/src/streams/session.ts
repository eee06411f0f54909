import { demultiplex, type Hijacked } from "@berth/client";
import type { Context } from "../context.ts";
import { CommandError } from "../errors.ts";

/** A container's or exec's standard streams, and which of ours they go with. */
export interface SessionOptions {
  /** It has a terminal: the stream is raw, and so is our own terminal meanwhile. */
  tty: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Bytes of the sequence that leaves it running. */
  detachKeys: readonly number[];
  /** Told what ends the stream, when it was begun with one request (`execRun`, `containerRun`). */
  onOutcome?: (outcome: unknown) => void;
}

/** `detached`: the user left it running. */
export type SessionEnd = "ended" | "detached";

export interface Session {
  /** When nothing more comes. @throws OutputClosed, ProtocolError. */
  readonly done: Promise<SessionEnd>;
  /** Drops the stream and puts the terminal back. */
  close(): void;
}

/** @throws CommandError when a terminal is asked for and stdin is none. */
export async function checkTerminal(context: Context, stdin: boolean, tty: boolean): Promise<void> {
  if (stdin && tty && !(await context.isTerminal(0))) {
    throw new CommandError("the input device is not a TTY");
  }
}

/** Joins a stream with our standard streams until it ends. */
export async function startSession(
  context: Context,
  stream: Hijacked,
  options: SessionOptions,
): Promise<Session> {
  const restore = options.tty && options.stdin ? await rawTerminal(context) : undefined;
  let closed = false;
  const close = (): void => {
    if (closed) return;
    closed = true;
    restore?.();
    stream.destroy();
  };
  const done = (async (): Promise<SessionEnd> => {
    try {
      const detached = options.stdin ? sendInput(context, stream, options) : undefined;
      const received = receiveOutput(context, stream, options);
      if (detached === undefined) {
        await received;
        return "ended";
      }
      // Output may go on after the input's end.
      const first = await Promise.race([received.then(() => "ended" as const), detached]);
      if (first === "input-ended") await received;
      return first === "detached" ? "detached" : "ended";
    } finally {
      close();
    }
  })();
  // It is awaited later; a failure must not count as unhandled before.
  done.catch(() => {});
  return { done, close };
}

/** Joins a stream that was begun with one request. @returns what ended it; undefined when the daemon broke it off. */
export async function outcomeOf<Outcome>(
  context: Context,
  stream: Hijacked,
  streams: Pick<SessionOptions, "stdin" | "stdout" | "stderr">,
): Promise<Outcome | undefined> {
  let told: Outcome | undefined;
  const onOutcome = (outcome: unknown) => {
    told = outcome as Outcome;
  };
  await (await startSession(context, stream, { ...streams, tty: false, detachKeys: [], onOutcome })).done;
  return told;
}

async function rawTerminal(context: Context): Promise<(() => void) | undefined> {
  if (!(await context.isTerminal(0))) return undefined;
  const { terminal } = await import("../io/terminal.ts");
  const restore = terminal.raw(0);
  if (restore === undefined) return undefined;
  // Death by a signal must not leave the user's terminal raw.
  const signals = { SIGTERM: 15, SIGHUP: 1, SIGINT: 2, SIGQUIT: 3 } as const;
  const handlers = Object.entries(signals).map(([name, number]) => {
    const handler = () => {
      restore();
      process.exit(128 + number);
    };
    process.on(name as keyof typeof signals, handler);
    return [name, handler] as const;
  });
  return () => {
    restore();
    for (const [name, handler] of handlers) process.off(name, handler);
  };
}

/** Copies stdin to the stream and half-closes it at the end. */
async function sendInput(
  context: Context,
  stream: Hijacked,
  options: SessionOptions,
): Promise<"detached" | "input-ended"> {
  const { DetachWatch } = await import("./detach-keys.ts");
  const watch =
    options.tty && options.detachKeys.length > 0 ? new DetachWatch(options.detachKeys) : undefined;
  try {
    for await (const chunk of context.stdin.chunks()) {
      const { send, detached } = watch?.take(chunk) ?? { send: chunk, detached: false };
      if (send.length > 0) await stream.write(send);
      if (detached) return "detached";
    }
    stream.closeWrite();
  } catch {
    // Nobody reads any longer; what it still says tells why.
  }
  return "input-ended";
}

async function receiveOutput(context: Context, stream: Hijacked, options: SessionOptions): Promise<void> {
  if (options.tty) {
    for await (const chunk of stream) await context.stdout.write(chunk);
    return;
  }
  for await (const frame of demultiplex(stream, options.onOutcome)) {
    if (frame.stream === "error") {
      throw new CommandError(`error from daemon in stream: ${new TextDecoder().decode(frame.bytes)}`);
    }
    if (frame.stream === "stdout" ? options.stdout : options.stderr) {
      await (frame.stream === "stdout" ? context.stdout : context.stderr).write(frame.bytes);
    }
  }
}
