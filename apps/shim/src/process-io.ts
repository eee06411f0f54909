import { nowNanoseconds, rfc3339Nano } from "@berth/base";
import {
  closeQuietly,
  EPOLL,
  type Loop,
  read,
  SHUT,
  setNonBlocking,
  shutdown,
  WOULD_BLOCK,
  write,
} from "@berth/linux";
import type { LogSink } from "@berth/logging";

const HEADER = 8;
const CHUNK = 64 * 1024;
/** One buffer for all reads of this process: nothing keeps a reference to it. The first 8 bytes are room for a frame header. */
const buffer = new Uint8Array(HEADER + CHUNK);

type StreamNumber = 1 | 2;

/** A client's connection that gets output and may give input. */
interface Attachment {
  fd: number;
  stdin: boolean;
  output: { 1: boolean; 2: boolean };
  /** Output that the client has not taken yet. */
  pending: Uint8Array[];
  /** The client sent its last input. */
  inputEnded: boolean;
  /** Close once `pending` is empty. */
  closing: boolean;
}

interface Source {
  fd: number;
  stream: StreamNumber;
}

export interface ProcessIoOptions {
  loop: Loop;
  tty: boolean;
  /** Stdin is closed when the first client that gives input ends its input (or goes away). */
  stdinOnce: boolean;
  log?: LogSink | undefined;
}

/** Descriptors of a started process, owned from now on: the reading ends of its output, the writing end of its input, or a terminal for all. */
export type ProcessDescriptors = { terminal: number } | { stdin?: number; stdout?: number; stderr?: number };

/**
 * Carries one process' stdio: output to the log and to every attached client as Docker's stream (frames of 8 bytes header and data,
 * raw with a terminal), input from clients. A client that does not read holds the process back; a client that is gone does not.
 */
export class ProcessIo {
  readonly #loop: Loop;
  readonly #tty: boolean;
  readonly #stdinOnce: boolean;
  readonly #log: LogSink | undefined;
  readonly #attachments = new Set<Attachment>();
  #sources: Source[] = [];
  #stdin = -1;
  #stdinPending: Uint8Array[] = [];
  #terminal = -1;
  #begun = false;
  /** No more input will come: stdin is closed once what is pending is written. */
  #inputDone = false;
  #blocked = 0;
  #onEnd: (() => void) | undefined;
  #onFlushed: (() => void) | undefined;

  constructor(options: ProcessIoOptions) {
    this.#loop = options.loop;
    this.#tty = options.tty;
    this.#stdinOnce = options.stdinOnce;
    this.#log = options.log;
  }

  get terminal(): number {
    return this.#terminal;
  }

  /** `fd`: a connected socket, non-blocking, owned from now on. `early`: input that came with its first bytes. */
  attach(fd: number, wants: { stdin: boolean; stdout: boolean; stderr: boolean }, early: Uint8Array): void {
    const attachment: Attachment = {
      fd,
      stdin: wants.stdin,
      output: { 1: wants.stdout, 2: wants.stderr },
      pending: [],
      inputEnded: false,
      closing: false,
    };
    this.#attachments.add(attachment);
    this.#loop.add(fd, 0, (events) => this.#onClient(attachment, events));
    if (early.length > 0 && wants.stdin) this.#stdinPending.push(early.slice());
    this.#watch(attachment);
    if (this.#begun) this.#writeStdin();
  }

  /** The process runs. */
  begin(descriptors: ProcessDescriptors): void {
    this.#begun = true;
    if ("terminal" in descriptors) {
      this.#terminal = descriptors.terminal;
      this.#stdin = descriptors.terminal;
      this.#addSource(descriptors.terminal, 1);
    } else {
      if (descriptors.stdout !== undefined) this.#addSource(descriptors.stdout, 1);
      if (descriptors.stderr !== undefined) this.#addSource(descriptors.stderr, 2);
      if (descriptors.stdin !== undefined) {
        this.#stdin = descriptors.stdin;
        setNonBlocking(this.#stdin);
        this.#loop.add(this.#stdin, 0, (events) => this.#onStdin(events));
      }
    }
    this.#writeStdin();
    for (const attachment of this.#attachments) this.#watch(attachment);
  }

  /** The process ended: `onEnd` is called when its output is read to the end, at the latest after `patience` milliseconds without a held-back client. */
  ended(patience: number, onEnd: () => void): void {
    this.#onEnd = onEnd;
    if (!this.#tty) this.#closeStdin();
    this.#sourcesEnded();
    const giveUp = () => {
      if (this.#onEnd === undefined) return;
      if (this.#blocked > 0) this.#loop.timer(patience, giveUp);
      else {
        for (const source of [...this.#sources]) this.#closeSource(source);
        this.#sourcesEnded();
      }
    };
    if (this.#onEnd !== undefined) this.#loop.timer(patience, giveUp);
  }

  /** Closes every client's connection once it has all its output; then calls `onFlushed`. */
  close(onFlushed: () => void): void {
    this.#onFlushed = onFlushed;
    for (const attachment of [...this.#attachments]) {
      attachment.closing = true;
      if (attachment.pending.length === 0) this.#drop(attachment);
    }
    this.#flushed();
  }

  #addSource(fd: number, stream: StreamNumber): void {
    const source: Source = { fd, stream };
    this.#sources.push(source);
    setNonBlocking(fd);
    this.#loop.add(fd, EPOLL.IN, (events) => this.#onSource(source, events));
  }

  #onSource(source: Source, events: number): void {
    if (source.fd === this.#terminal && events & EPOLL.OUT) this.#writeStdin();
    if ((events & ~EPOLL.OUT) === 0) return;
    let count: number;
    try {
      count = read(source.fd, buffer, HEADER, CHUNK);
    } catch {
      // EIO: the last process closed the terminal.
      count = 0;
    }
    if (count === WOULD_BLOCK) return;
    if (count === 0) {
      this.#closeSource(source);
      this.#sourcesEnded();
      return;
    }
    if (this.#log) {
      const time = rfc3339Nano(nowNanoseconds());
      this.#log.write(
        source.stream === 1 ? "stdout" : "stderr",
        buffer.subarray(HEADER, HEADER + count),
        count,
        time,
      );
    }
    let from = HEADER;
    if (!this.#tty) {
      from = 0;
      buffer[0] = source.stream;
      buffer[1] = buffer[2] = buffer[3] = 0;
      buffer[4] = count >>> 24;
      buffer[5] = (count >>> 16) & 0xff;
      buffer[6] = (count >>> 8) & 0xff;
      buffer[7] = count & 0xff;
    }
    for (const attachment of this.#attachments) {
      if (attachment.output[source.stream]) this.#send(attachment, from, HEADER + count);
    }
  }

  #closeSource(source: Source): void {
    const at = this.#sources.indexOf(source);
    if (at < 0) return;
    this.#sources.splice(at, 1);
    this.#loop.remove(source.fd);
    if (source.fd === this.#terminal) {
      this.#terminal = -1;
      this.#stdin = -1;
      this.#stdinPending = [];
    }
    closeQuietly(source.fd);
  }

  #sourcesEnded(): void {
    if (this.#sources.length > 0) return;
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    onEnd?.();
  }

  #send(attachment: Attachment, from: number, to: number): void {
    let at = from;
    if (attachment.pending.length === 0) {
      try {
        const written = write(attachment.fd, buffer, at, to - at);
        if (written !== WOULD_BLOCK) at += written;
      } catch {
        this.#drop(attachment);
        return;
      }
    }
    if (at === to) return;
    if (attachment.pending.length === 0) this.#setBlocked(+1);
    attachment.pending.push(buffer.slice(at, to));
    this.#watch(attachment);
  }

  /** Holds the process back while some client has output pending. */
  #setBlocked(change: 1 | -1): void {
    const before = this.#blocked > 0;
    this.#blocked += change;
    const now = this.#blocked > 0;
    if (before === now) return;
    for (const source of this.#sources) this.#loop.modify(source.fd, this.#sourceEvents(source));
  }

  #sourceEvents(source: Source): number {
    const output = this.#blocked > 0 ? 0 : EPOLL.IN;
    const input = source.fd === this.#terminal && this.#stdinPending.length > 0 ? EPOLL.OUT : 0;
    return output | input;
  }

  #watch(attachment: Attachment): void {
    const canRead =
      !attachment.inputEnded && (!attachment.stdin || (this.#begun && this.#stdinPending.length === 0));
    this.#loop.modify(
      attachment.fd,
      (canRead ? EPOLL.IN : 0) | (attachment.pending.length > 0 ? EPOLL.OUT : 0),
    );
  }

  #onClient(attachment: Attachment, events: number): void {
    if (events & EPOLL.OUT) this.#flush(attachment);
    if (!this.#attachments.has(attachment)) return;
    if (events & EPOLL.IN) this.#readClient(attachment);
    if (!this.#attachments.has(attachment)) return;
    if (events & (EPOLL.HUP | EPOLL.ERR)) {
      this.#readRest(attachment);
      this.#drop(attachment);
    }
  }

  /** Takes the input that a client left behind when it went away. */
  #readRest(attachment: Attachment): void {
    if (!attachment.stdin || attachment.inputEnded) return;
    try {
      for (
        let count = read(attachment.fd, buffer, 0, CHUNK);
        count > 0;
        count = read(attachment.fd, buffer, 0, CHUNK)
      ) {
        this.#stdinPending.push(buffer.slice(0, count));
      }
    } catch {
      // Reset by the client: there is no more.
    }
    if (this.#begun) this.#writeStdin();
  }

  #flush(attachment: Attachment): void {
    try {
      while (attachment.pending.length > 0) {
        const chunk = attachment.pending[0]!;
        const written = write(attachment.fd, chunk, 0, chunk.length);
        if (written === WOULD_BLOCK) return;
        if (written < chunk.length) attachment.pending[0] = chunk.subarray(written);
        else attachment.pending.shift();
      }
    } catch {
      this.#drop(attachment);
      return;
    }
    this.#setBlocked(-1);
    if (attachment.closing) this.#drop(attachment);
    else this.#watch(attachment);
  }

  #readClient(attachment: Attachment): void {
    let count: number;
    try {
      count = read(attachment.fd, buffer, 0, CHUNK);
    } catch {
      this.#drop(attachment);
      return;
    }
    if (count === WOULD_BLOCK) return;
    if (count === 0) {
      this.#inputEnded(attachment);
      this.#watch(attachment);
      return;
    }
    if (!attachment.stdin || this.#stdin < 0) return;
    this.#stdinPending.push(buffer.slice(0, count));
    this.#writeStdin();
  }

  #inputEnded(attachment: Attachment): void {
    if (attachment.inputEnded) return;
    attachment.inputEnded = true;
    if (!attachment.stdin || !this.#stdinOnce || this.#tty) return;
    this.#inputDone = true;
    if (this.#begun && this.#stdinPending.length === 0) this.#closeStdin();
  }

  #onStdin(events: number): void {
    if (events & EPOLL.ERR) this.#closeStdin();
    else this.#writeStdin();
  }

  #writeStdin(): void {
    if (this.#stdin < 0) {
      this.#stdinPending = [];
      return;
    }
    try {
      while (this.#stdinPending.length > 0) {
        const chunk = this.#stdinPending[0]!;
        const written = write(this.#stdin, chunk, 0, chunk.length);
        if (written === WOULD_BLOCK) break;
        if (written < chunk.length) this.#stdinPending[0] = chunk.subarray(written);
        else this.#stdinPending.shift();
      }
    } catch {
      if (this.#tty) this.#stdinPending = [];
      else this.#closeStdin();
    }
    if (this.#stdin >= 0) {
      if (this.#tty) {
        for (const source of this.#sources) this.#loop.modify(source.fd, this.#sourceEvents(source));
      } else {
        this.#loop.modify(this.#stdin, this.#stdinPending.length > 0 ? EPOLL.OUT : 0);
        if (this.#stdinPending.length === 0 && this.#inputDone) this.#closeStdin();
      }
    }
    for (const attachment of this.#attachments) this.#watch(attachment);
  }

  #closeStdin(): void {
    this.#stdinPending = [];
    if (this.#stdin < 0 || this.#stdin === this.#terminal) return;
    this.#loop.remove(this.#stdin);
    closeQuietly(this.#stdin);
    this.#stdin = -1;
  }

  #drop(attachment: Attachment): void {
    if (!this.#attachments.delete(attachment)) return;
    if (attachment.pending.length > 0) this.#setBlocked(-1);
    attachment.pending = [];
    this.#loop.remove(attachment.fd);
    try {
      shutdown(attachment.fd, SHUT.RDWR);
    } catch {
      // The client closed it first.
    }
    closeQuietly(attachment.fd);
    this.#inputEnded(attachment);
    this.#flushed();
  }

  #flushed(): void {
    if (this.#onFlushed === undefined || this.#attachments.size > 0) return;
    const onFlushed = this.#onFlushed;
    this.#onFlushed = undefined;
    onFlushed();
  }
}
