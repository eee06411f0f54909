import { BerthError, cancelled, type ErrorKind, systemError } from "@berth/base";
import { close, closeQuietly, pipe2 } from "@berth/linux";
import type { Bytes } from "../../compression/index.ts";
import {
  type FactsOf,
  JOB_FROM_FD,
  type Job,
  type Reply,
  type ReplyError,
  type ResultOf,
} from "../protocol.ts";

export interface JobIo {
  /** An open file, or bytes. A piece must stay as it is until the next one is asked for. Default: nothing. */
  stdin?: number | Bytes | ReadableStream<Uint8Array>;
  /** A descriptor that the worker gets as `FOLLOW_FD`. It stays the caller's. */
  follow?: number;
  /** Ends the worker; the job fails as `cancelled`. */
  signal?: AbortSignal;
  /** Program and arguments in front of the job; default: this executable's `worker`. */
  command?: readonly string[];
}

export interface RunningJob<J extends Job> {
  /** What the job tells before its data. Rejects with the job's error when it fails before. */
  readonly facts: Promise<FactsOf<J>>;
  /** The job's data. Cancelling it ends the job. An error of the job is in `result` (and `facts`), not here. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** Settles when the worker has ended. @throws BerthError */
  readonly result: Promise<ResultOf<J>>;
}

/** Longest job in an argument; the kernel takes 128 KiB. */
const MAX_ARGUMENT = 64 * 1024;
/** What is kept of what a crashing worker says. */
const MAX_COMPLAINT = 4096;

/**
 * How to start a worker: from the compiled executable itself, or from sources with the same entry file.
 * In an executable of Bun `process.argv[1]` is a name inside of it.
 */
export function workerCommand(): string[] {
  const entry = process.argv[1];
  const isCompiled = entry === undefined || entry.startsWith("/$bunfs/");
  return isCompiled ? [process.execPath, "worker"] : [process.execPath, entry, "worker"];
}

/** Runs a job to its end; what it writes goes to `stdout`, a descriptor. @throws BerthError of the job, cancelled */
export async function runJob<J extends Job>(
  job: J,
  io: JobIo & { stdout?: number } = {},
): Promise<ResultOf<J>> {
  return await start(job, io, io.stdout ?? "ignore").result;
}

/** Starts a job whose data is wanted as a stream. */
export function startJob<J extends Job>(job: J, io: JobIo = {}): RunningJob<J> {
  const { child, facts, result } = start(job, io, "pipe");
  return {
    facts,
    result,
    stdout: untilCancelled(child.stdout as ReadableStream<Uint8Array>, () => child.kill(9)),
  };
}

function start<J extends Job>(job: J, io: JobIo, stdout: number | "pipe" | "ignore") {
  const { signal } = io;
  if (signal?.aborted) throw cancelled("the request was cancelled");
  const text = JSON.stringify(job);
  const isLong = text.length > MAX_ARGUMENT;
  const replies = pipe2();
  const extra = isLong ? pipe2() : undefined;
  let child: ReturnType<typeof spawn>;
  try {
    const command = [...(io.command ?? workerCommand()), isLong ? JOB_FROM_FD : text];
    const stdin = typeof io.stdin === "number" ? io.stdin : io.stdin === undefined ? "ignore" : "pipe";
    child = spawn(
      command,
      stdin,
      stdout,
      io.follow === undefined
        ? extra === undefined
          ? [replies.write]
          : [replies.write, extra.read]
        : [replies.write, extra?.read ?? "ignore", io.follow],
    );
  } catch (error) {
    for (const fd of [replies.read, extra?.write ?? -1]) closeQuietly(fd);
    throw systemError(`the worker cannot be started: ${(error as Error).message}`, { cause: error });
  } finally {
    closeQuietly(replies.write);
    if (extra !== undefined) closeQuietly(extra.read);
  }
  const kill = () => child.kill(9);
  signal?.addEventListener("abort", kill, { once: true });

  let tellFacts: (facts: FactsOf<J>) => void = () => {};
  let failFacts: (error: unknown) => void = () => {};
  const facts = new Promise<FactsOf<J>>((resolve, reject) => {
    tellFacts = resolve;
    failFacts = reject;
  });
  // Whoever wants no facts need not look at them.
  facts.catch(() => {});

  const outcome = async (): Promise<ResultOf<J>> => {
    const sending = extra === undefined ? undefined : send(extra.write, text);
    const feeding = feed(child, io.stdin);
    const complaint = keepTail(child.stderr as ReadableStream<Uint8Array>);
    try {
      const last = await readReplies(replies.read, (told) => tellFacts(told as FactsOf<J>));
      await child.exited;
      await sending;
      if (signal?.aborted) throw cancelled("the request was cancelled");
      const inputFailure = await feeding;
      // A source that breaks is the reason for what the worker then said.
      if (inputFailure !== undefined) throw inputFailure.error;
      if (last === undefined) throw crash(child.exitCode, child.signalCode, await complaint);
      if ("error" in last) throw asError(last.error);
      return last.result as ResultOf<J>;
    } finally {
      signal?.removeEventListener("abort", kill);
    }
  };
  const result = outcome();
  result.then(
    () => tellFacts(undefined as FactsOf<J>),
    (error) => failFacts(error),
  );
  return { child, facts, result };
}

function spawn(
  command: string[],
  stdin: number | "pipe" | "ignore",
  stdout: number | "pipe" | "ignore",
  extra: (number | "ignore")[],
) {
  return Bun.spawn(command, { stdio: [stdin, stdout, "pipe", ...extra] });
}

/** Feeds the worker's stdin; an error of the source, if it had one. */
async function feed(child: Bun.Subprocess, source: JobIo["stdin"]): Promise<{ error: unknown } | undefined> {
  if (source === undefined || typeof source === "number") return undefined;
  const sink = child.stdin as Bun.FileSink;
  try {
    for await (const piece of source as AsyncIterable<Uint8Array>) {
      if (!(await put(() => sink.write(piece))) || !(await put(() => sink.flush()))) break;
    }
  } catch (error) {
    // End of input would look like the end of an archive.
    child.kill(9);
    return { error };
  }
  await put(() => sink.end());
  return undefined;
}

/** False when the worker takes no more: it has failed, and says itself why. */
async function put(write: () => unknown): Promise<boolean> {
  try {
    await write();
    return true;
  } catch {
    return false;
  }
}

/** Writes a job for the worker. One that ends before it has read it says itself why, or was cancelled. */
async function send(fd: number, text: string): Promise<void> {
  const writer = Bun.file(fd).writer();
  if (await put(() => writer.write(text))) await put(() => writer.end());
  closeQuietly(fd);
}

async function readReplies(
  fd: number,
  told: (facts: unknown) => void,
): Promise<Exclude<Reply, { facts: unknown }> | undefined> {
  let last: Exclude<Reply, { facts: unknown }> | undefined;
  let rest = "";
  const decoder = new TextDecoder();
  try {
    for await (const piece of Bun.file(fd).stream()) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) {
        const reply = JSON.parse(line) as Reply;
        if ("facts" in reply) told(reply.facts);
        else last = reply;
      }
    }
  } finally {
    close(fd);
  }
  return last;
}

async function keepTail(stream: ReadableStream<Uint8Array>): Promise<string> {
  let tail = Buffer.alloc(0);
  for await (const piece of stream) tail = Buffer.concat([tail, piece]).subarray(-MAX_COMPLAINT);
  return tail.toString().trim();
}

function crash(code: number | null, signal: unknown, complaint: string): BerthError {
  const how = signal === null ? `ended with status ${code}` : `was ended by ${signal}`;
  return systemError(`the worker ${how}${complaint === "" ? "" : `: ${complaint}`}`);
}

/** A failed system call of a worker keeps its code (`ENOSPC`) for those who ask with `workerErrorCode`. */
class WorkerError extends BerthError {
  readonly code: string | undefined;

  constructor(error: ReplyError) {
    const { hint, exitCode } = error;
    super(error.kind as ErrorKind, error.message, {
      ...(hint !== undefined && { hint }),
      ...(exitCode !== undefined && { exitCode }),
    });
    this.code = error.code;
  }
}

function asError(error: ReplyError): BerthError {
  return new WorkerError(error);
}

/** Such as `ENOSPC`, when a job failed in a system call. */
export function workerErrorCode(error: unknown): string | undefined {
  return error instanceof WorkerError ? error.code : undefined;
}

function untilCancelled(stream: ReadableStream<Uint8Array>, cancel: () => void): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        cancel();
        await reader.cancel().catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}
