import {
  closeQuietly,
  EPOLL,
  exitNow,
  fork,
  isErrno,
  type Loop,
  O,
  pipe2,
  readFull,
  setNonBlocking,
  setProcessName,
  WOULD_BLOCK,
  waitpid,
  write,
  writeAll,
} from "@berth/linux";
import type { LogSink } from "@berth/logging";

import { standardStreamsToNull } from "./standard-streams.ts";

type StreamName = Parameters<LogSink["write"]>[0];

/** Stream (1 stdout, 2 stderr, 0 end), bytes of the time's text, bytes of data as 32 bits. */
const HEADER = 6;
const STREAMS: readonly StreamName[] = ["stdout", "stderr"];

/**
 * `mode=non-blocking`: a forked process writes to the log, so that a slow disk never holds the container back. What it has
 * not taken waits here, up to a number of bytes; beyond that output is dropped, as the user has chosen.
 */
export class NonBlockingLog implements LogSink {
  readonly #loop: Loop;
  readonly #limit: number;
  readonly #pipe: number;
  readonly #writer: number;
  readonly #waiting: Uint8Array[] = [];
  #bytes = 0;

  /** `log`: written to by the other process from now on. @throws SyscallError */
  constructor(loop: Loop, log: LogSink, limit: number) {
    this.#loop = loop;
    this.#limit = limit;
    const pipe = pipe2(O.CLOEXEC);
    this.#writer = fork();
    if (this.#writer === 0) {
      closeQuietly(pipe.write);
      setProcessName("berth-log");
      standardStreamsToNull([0, 1, 2]);
      serve(pipe.read, log);
    }
    closeQuietly(pipe.read);
    this.#pipe = pipe.write;
    setNonBlocking(this.#pipe);
    loop.add(this.#pipe, 0, () => this.#flush());
  }

  write(stream: StreamName, chunk: Uint8Array, length: number, time: string): void {
    this.#push(record(STREAMS.indexOf(stream) + 1, chunk.subarray(0, length), time));
  }

  end(time: string): void {
    this.#loop.remove(this.#pipe);
    try {
      setNonBlocking(this.#pipe, false);
      for (const bytes of this.#waiting.splice(0)) writeAll(this.#pipe, bytes);
      writeAll(this.#pipe, record(0, new Uint8Array(0), time));
    } catch {
      // The writer was killed: the rest of the log is lost.
    }
    closeQuietly(this.#pipe);
    try {
      waitpid(this.#writer);
    } catch (error) {
      // It was reaped with the shim's other children.
      if (!isErrno(error, "ECHILD")) throw error;
    }
  }

  #push(bytes: Uint8Array): void {
    if (this.#waiting.length > 0 && this.#bytes + bytes.length > this.#limit) return;
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    this.#flush();
  }

  #flush(): void {
    try {
      for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
        const written = write(this.#pipe, first, 0, first.length);
        if (written === WOULD_BLOCK) break;
        this.#bytes -= written;
        if (written < first.length) this.#waiting[0] = first.subarray(written);
        else this.#waiting.shift();
      }
      this.#loop.modify(this.#pipe, this.#waiting.length > 0 ? EPOLL.OUT : 0);
    } catch {
      this.#waiting.length = 0;
      this.#bytes = 0;
    }
  }
}

function record(stream: number, data: Uint8Array, time: string): Uint8Array {
  const text = Buffer.from(time);
  const bytes = new Uint8Array(HEADER + text.length + data.length);
  bytes[0] = stream;
  bytes[1] = text.length;
  new DataView(bytes.buffer).setUint32(2, data.length);
  bytes.set(text, HEADER);
  bytes.set(data, HEADER + text.length);
  return bytes;
}

/** The other process: writes records until the last one, or until the shim is gone. */
function serve(pipe: number, log: LogSink): never {
  try {
    const header = new Uint8Array(HEADER);
    const view = new DataView(header.buffer);
    while (readFull(pipe, header) === HEADER) {
      const body = Buffer.alloc(header[1]! + view.getUint32(2));
      if (readFull(pipe, body) < body.length) break;
      const time = body.toString("latin1", 0, header[1]);
      const data = body.subarray(header[1]);
      const stream = STREAMS[header[0]! - 1];
      if (stream === undefined) log.end(time);
      else log.write(stream, data, data.length, time);
    }
  } catch {
    // A log that cannot be written must not end the container.
  }
  exitNow(0);
}
